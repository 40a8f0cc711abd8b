"""A set of sessions that hear the same things: an event is encoded once for each codec among them, never per client.

It keeps those together who get the same bytes, of the same codec and compressed alike, so that a thousand receivers
cost one lookup, one encoding and one call. It does not write to anybody itself: the surroundings do.

Read next: `channels.py`, where every channel has one.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from wsserver.chat.codec import Codec
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Event, Relayed
from wsserver.clients.router import Compressor, Peer, Stream, Wire
from wsserver.websocket.codes import BINARY
from wsserver.websocket.prepared import Prepared, PreparedMessage, join_messages


class Senders(Protocol):
    """The part of `Surroundings` that reaches many."""

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        """Give one encoded message to every peer, at the end of the turn."""

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        """Give it to a crowd now."""


CROWD: Final = 16
"""Clients from which on sending at once pays: it saves each 15 %, and costs a sender a second `send` for its ack."""


Group = tuple[Codec, Compressor | None]
"""Who gets the same bytes."""


class Circle(dict[Peer, Wire]):
    """Those of an audience who get the same bytes, and how many messages were sent to all of them at once.

    A member's own count is set back by that when it comes in and put forward when it goes, so that counting a message
    costs as much for a thousand members as for one.
    """

    __slots__ = ("told",)

    def __init__(self) -> None:
        super().__init__()
        self.told = 0


class Audience:
    """Who hears. Dicts, not sets: receivers are served in the order in which they came."""

    __slots__ = ("groups",)

    def __init__(self, sessions: Iterable[Session] = ()) -> None:
        self.groups: dict[Group, Circle] = {}
        for session in sessions:
            self.add(session)

    def __len__(self) -> int:
        """How many clients hear."""
        return sum(map(len, self.groups.values()))

    def add(self, session: Session) -> None:
        """Let `session` hear; a second time changes nothing."""
        group = (session.codec, session.peer.compressor)
        peers = self.groups.get(group)
        if peers is None:
            peers = self.groups[group] = Circle()
        if peers.told and session.peer not in peers:
            session.peer.messages_out -= peers.told
        peers[session.peer] = session.peer.wire

    def discard(self, session: Session) -> None:
        """Let `session` hear no longer; nothing happens when it did not."""
        group = (session.codec, session.peer.compressor)
        peers = self.groups.get(group)
        if peers is not None and peers.pop(session.peer, None) is not None:
            session.peer.messages_out += peers.told
            if not peers:  # a codec that nobody uses must not cost an encoding
                del self.groups[group]

    def told_to(self, session: Session) -> int:
        """Return what has to be added to the count of messages of a session that hears."""
        peers = self.groups.get((session.codec, session.peer.compressor))
        return peers.told if peers is not None and session.peer in peers else 0

    def deliver(
        self, events: Sequence[Event], senders: Senders, stream: Stream | None = None, at_once: bool = False
    ) -> int:
        """Give `events` to everybody here, as one piece; return how many clients that are.

        `stream`: what they belong to, where that has a queue policy of its own. `at_once`: everybody gets nothing else
        this turn. Raises ChatError when an event cannot be encoded.
        """
        reached = 0
        encoded: dict[Codec, list[PreparedMessage]] = {}
        for (codec, compressor), peers in self.groups.items():
            messages = encoded.get(codec)
            if messages is None:
                messages = encoded[codec] = [PreparedMessage(codec.encode(event), codec.opcode) for event in events]
            message = join_messages(messages, compressor)
            if at_once and len(peers) >= CROWD:
                peers.told += message.count
                senders.send_at_once(peers.values(), message, stream)
            else:
                senders.fan_out(peers, message, stream)
            reached += len(peers)
        return reached

    def relay(self, event: Relayed, senders: Senders, stream: Stream | None = None) -> None:
        """Queue `event` in a binary message for everybody here."""
        for (codec, compressor), peers in self.groups.items():
            message = PreparedMessage(codec.encode_binary(event), BINARY)
            senders.fan_out(peers, join_messages([message], compressor), stream)
