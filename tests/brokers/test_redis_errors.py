"""What Redis refuses, in sentences."""

import pytest

from wsserver.brokers.redis_errors import code_of, explain


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ("NOAUTH Authentication required.", "wants a password"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "does not know that user"),
        ("ERR AUTH <password> called without any password configured", "does not accept the user"),
        ("ERR invalid password", "does not accept the user"),
        ("LOADING Redis is loading the dataset in memory", "reading its data"),
        ("READONLY You can't write against a read only replica.", "replica"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "memory is full"),
        ("MOVED 3999 127.0.0.1:6381", "cluster"),
        ("ERR DB index is out of range", "no database"),
        ("ERR max number of clients reached", "maxclients"),
        ("DENIED Redis is running in protected mode", "protected mode"),
    ],
)
def test_each_refusal_has_a_sentence(reply, sentence):
    assert sentence in explain(Exception(reply))


def test_nothing_that_was_sent_is_repeated():
    assert explain(Exception("ERR unknown command 'hunter2', with args beginning with: 'secret'")) == (
        "it answers with an error (ERR)"
    )
    assert explain(Exception("hunter2\x1b secret")) == "it answers with an error"


def test_the_kind_is_the_first_word():
    assert code_of(Exception("NOSCRIPT No matching script.")) == "NOSCRIPT"
