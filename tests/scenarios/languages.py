"""What files share whose tests are made in both languages: `pytestmark = in_both_languages`.

Read next: `conftest.py`, whose `server` is started with a file's `FLAGS`.
"""

import pytest

from tests.scenarios.talking import Talker
from tests.scenarios.talking_protobuf import ProtobufTalker

UNHURRIED = ("--set", "limits.rate=0", "--set", "presence.leave_grace=0s")
"""Without a rate, since tests talk faster than people; whoever is gone is gone."""

in_both_languages = pytest.mark.parametrize("language", [Talker, ProtobufTalker], ids=["json", "protobuf"])


def say_all(talker, channel, texts):
    """Say them without waiting, then wait until the last one is stored; return its ack."""
    *first, last = texts
    for text in first:
        talker.say("message", channel=channel, text=text)
    ack = talker.ask("message", channel=channel, text=last)
    assert ack["type"] == "ack", ack
    return ack


def seqs(messages):
    return [message["seq"] for message in messages]


def hears_no_more(talker, type="message"):
    """Whether no event of that type has come besides those that were looked at: a ping's answer comes after them."""
    talker.ask("ping")
    return not [event for event in talker.kept if event["type"] == type]
