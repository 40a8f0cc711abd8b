"""How things are called in Redis."""

import pytest

from wsserver.brokers.redis_names import Names

NAMES = Names("p")


def test_the_channel_is_read_back_from_the_name_that_it_is_spoken_on():
    assert NAMES.channel_of(NAMES.channel("a:b")) == "a:b"
    assert NAMES.channel_of(NAMES.all) is NAMES.channel_of(NAMES.node("n")) is None


def test_all_kinds_of_names_differ_whatever_a_channel_is_called():
    for channel in ("all", "nodes", "n:x", "c:x", ""):
        names = {NAMES.all, NAMES.nodes, NAMES.node("x"), NAMES.channels_of("x"), NAMES.log(channel)}
        assert len(names | {NAMES.channel(channel), NAMES.users(channel)}) == 7


@pytest.mark.parametrize("channel", ["c", "}", "a}b", "{", "%7D", "%"])
def test_the_tag_of_a_log_is_whole_and_names_one_channel(channel):
    log = NAMES.log(channel)
    tag = log.partition("{")[2].partition("}")[0]
    assert tag and log == f"p:l:{{{tag}}}:"
    assert [other for other in ("c", "}", "a}b", "{", "%7D", "%") if NAMES.log(other) == log] == [channel]
