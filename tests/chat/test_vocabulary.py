"""The closed list of messages."""

import msgspec
import pytest

from wsserver.chat import vocabulary
from wsserver.chat.vocabulary import COMMAND_TYPES, Command, Event

ANSWERS = {"ack", "error", "joined", "left", "response", "presence", "history", "pong", "subscribed", "unsubscribed"}
EVENTS = {"welcome", "message", "broadcast", "direct", "multicast", "event", "goaway"} | ANSWERS


def _classes(base: type) -> list[type]:
    found = [value for value in vars(vocabulary).values() if isinstance(value, type) and issubclass(value, base)]
    return [cls for cls in found if not cls.__subclasses__()]  # the bases are no messages


def test_the_commands_are_those_of_the_protocol() -> None:
    assert sorted(COMMAND_TYPES) == [
        "auth", "broadcast", "direct", "history", "join", "leave", "message", "multicast", "ping", "presence",
        "publish", "request", "subscribe", "unsubscribe",
    ]  # fmt: skip


def test_the_events_are_those_of_the_protocol() -> None:
    assert {event.__struct_config__.tag for event in _classes(Event)} == EVENTS | {"binary"}


def test_the_union_of_commands_leaves_none_out() -> None:
    assert {command.__struct_config__.tag for command in _classes(Command)} == COMMAND_TYPES | {"binary"}


def test_every_answer_and_every_command_can_carry_an_id() -> None:
    with_id = {event.__struct_config__.tag for event in _classes(Event) if "id" in event.__struct_fields__}
    assert with_id == ANSWERS
    assert all("id" in command.__struct_fields__ for command in _classes(Command))


@pytest.mark.parametrize("event", _classes(Event))
def test_every_event_says_what_it_is_first(event: type) -> None:
    fields = msgspec.json.encode(event(*["x"] * (len(event.__struct_fields__) - ("id" in event.__struct_fields__))))
    assert fields.startswith(b'{"type":"' + event.__struct_config__.tag.encode() + b'"')
