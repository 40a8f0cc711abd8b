"""Channels as small as they can be, for the servers of others: who is in which, and what a message becomes.

It does what the load tester's clients need and nothing else: no presence, no history, no limits, no names to check. So
a server that uses it has less to do than wsserver.

Read next: `websockets_server.py`, the plainest of those who use it.
"""

import time
from typing import Any

import msgspec


class Command(msgspec.Struct):
    """What a client says."""

    type: str
    channel: str
    user: str = ""
    text: str = ""


class Event(msgspec.Struct):
    """What it hears."""

    type: str
    channel: str
    seq: int
    user: str
    text: str
    ts: int


_decode = msgspec.json.Decoder(Command).decode
_encode = msgspec.json.Encoder().encode


class Channel:
    """Members, and the number of the last message."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seq = 0
        self.members: set[Any] = set()


class Rooms:
    """All channels of a server. A member is whatever the server calls a connection."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._users: dict[Any, str] = {}
        self._seats: dict[Any, Channel] = {}

    def hear(self, member: Any, payload: bytes | str) -> tuple[bytes, Channel, bool]:
        """Return an event, its channel, and whether it goes to all members and not to this one alone."""
        command = _decode(payload)
        if command.type == "join":
            channel = self._channels.setdefault(command.channel, Channel(command.channel))
            channel.members.add(member)
            self._users[member], self._seats[member] = command.user, channel
            return _encode({"type": "joined", "channel": channel.name, "seq": channel.seq}), channel, False
        channel = self._channels[command.channel]
        channel.seq += 1
        now = time.time_ns() // 1_000_000
        event = Event("message", channel.name, channel.seq, self._users[member], command.text, now)
        return _encode(event), channel, True

    def forget(self, member: Any) -> None:
        """Take out who has gone."""
        channel = self._seats.pop(member, None)
        self._users.pop(member, None)
        if channel is not None:
            channel.members.discard(member)
            if not channel.members:
                del self._channels[channel.name]
