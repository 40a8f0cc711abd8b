"""A set of sessions that hear the same things: an event is encoded once for each codec among them, never per client.

It keeps those together who get the same bytes, of the same codec and compressed alike, so that a thousand receivers
cost one lookup, one encoding and one call. It does not write to anybody itself: the surroundings do. What would take
too long in one piece is given out in rounds.

Read next: `rounds.py`; `channels.py`, where every channel has one.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol

from wsserver.chat.codec import Codec
from wsserver.chat.errors import ChatError
from wsserver.chat.rounds import Rounds
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Event, Relayed
from wsserver.clients.router import Compressor, Peer, Step, Stream, Wire
from wsserver.websocket.codes import BINARY
from wsserver.websocket.prepared import Prepared, PreparedMessage, join_messages


class Senders(Protocol):
    """The part of `Surroundings` that reaches many."""

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        """Give one encoded message to every peer, at the end of the turn."""

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        """Give it to a crowd now."""

    def in_slices(self, step: Step) -> None:
        """Call `step` until it returns False, by turns with everybody else."""


CROWD: Final = 2
"""Clients from which on sending at once pays: it saves each of ten 0.4 us."""

FEW: Final = 64
"""Clients below which it is worth a look who of them is answered as well, which would be a second `send` for them."""

MANY: Final = 1024
"""Clients above which a delivery is given out in rounds: to so many it takes 2.5 ms, for which others may wait."""

MUCH: Final = 16 * 1024 * 1024
"""Bytes for all clients together above which it is, too: the kernel copies them in 5 ms."""

COMPARED: Final = 16
COMPARED_MEMBERS: Final = 64
"""So many audiences of so many members are compared: it takes 30 ns a member and saves 400 ns."""

BACKLOG: Final = 256 * 1024
"""Bytes that a client may still miss of what was said before nobody may say more: a quarter of what its queue holds by
default (`limits.queue`), so that it can be given all of it at once, and for 10,000 of them a second's work."""


Group = tuple[Codec, Compressor | None]
"""Who gets the same bytes."""


class Circle(dict[Peer, Wire]):
    """Those of an audience who get the same bytes, and how many messages were sent to all of them at once.

    A member's own count is set back by that when it comes in and put forward when it goes, so that counting a message
    costs as much for a thousand members as for one.
    """

    __slots__ = ("rounds", "told")

    def __init__(self) -> None:
        super().__init__()
        self.told = 0
        self.rounds: Rounds | None = None  # made for the first delivery that is too large for one piece


class Audience:
    """Who hears. Dicts, not sets: receivers are served in the order in which they came.

    One that was made for a single delivery knows its clients from the start, and serves them in one piece: it would not
    learn who has gone meanwhile, nor what came before.
    """

    __slots__ = ("_passing", "groups", "sliced")

    def __init__(self, sessions: Iterable[Session] | None = None) -> None:
        """`sessions`: all who will ever hear, for a single delivery. None: `add` and `discard` will tell."""
        self.groups: dict[Group, Circle] = {}
        self.sliced = False  # there were rounds: somebody may be behind
        self._passing = sessions is not None
        for session in sessions or ():
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
        if peers.rounds is not None and session.peer not in peers:
            peers.rounds.enter(session.peer, session.peer.wire)
        peers[session.peer] = session.peer.wire

    def discard(self, session: Session) -> None:
        """Let `session` hear no longer, but all that was said so far; nothing happens when it did not hear."""
        group = (session.codec, session.peer.compressor)
        peers = self.groups.get(group)
        if peers is not None and peers.pop(session.peer, None) is not None:
            session.peer.messages_out += peers.told
            if peers.rounds is not None:
                peers.rounds.leave(session.peer)
            if not peers:  # a codec that nobody uses must not cost an encoding
                del self.groups[group]

    def settle(self, session: Session) -> None:
        """Give `session` all that was said so far: what it is sent next must not overtake that."""
        peers = self.groups.get((session.codec, session.peer.compressor))
        if peers is not None and peers.rounds is not None and session.peer in peers:
            peers.rounds.settle(session.peer)

    def judge_room(self) -> None:
        """Let pass what is to be said. Raises ChatError `rate_limited` while somebody misses too much already."""
        for peers in self.groups.values():
            if peers.rounds is not None and peers.rounds.size >= BACKLOG:
                raise ChatError("rate_limited", "More is said here than can be told to so many; try again in a moment.")

    def told_to(self, session: Session) -> int:
        """Return what has to be added to the count of messages of a session that hears."""
        peers = self.groups.get((session.codec, session.peer.compressor))
        return peers.told if peers is not None and session.peer in peers else 0

    def deliver(
        self,
        events: Sequence[Event],
        senders: Senders,
        stream: Stream | None = None,
        at_once: bool = False,
        answered: Collection[Peer] = (),
    ) -> int:
        """Give `events` to everybody here, as one piece; return how many clients that are.

        `stream`: what they belong to, where that has a queue policy of its own. `at_once`: everybody gets nothing else
        this turn, but for those who are `answered`. Raises ChatError when an event cannot be encoded.
        """
        reached = 0
        encoded: dict[Codec, list[PreparedMessage]] = {}
        for (codec, compressor), peers in self.groups.items():
            messages = encoded.get(codec)
            if messages is None:
                messages = encoded[codec] = [PreparedMessage(codec.encode(event), codec.opcode) for event in events]
            message = join_messages(messages, compressor)
            if answered and at_once and len(peers) < FEW:
                self._give_some(peers, message, senders, stream, answered)
            else:
                self._give(peers, message, senders, stream, at_once)
            reached += len(peers)
        return reached

    def relay(self, event: Relayed, senders: Senders, stream: Stream | None = None) -> None:
        """Queue `event` in a binary message for everybody here."""
        for (codec, compressor), peers in self.groups.items():
            message = join_messages([PreparedMessage(codec.encode_binary(event), BINARY)], compressor)
            self._give(peers, message, senders, stream, at_once=False)

    def _give_some(
        self, peers: Circle, message: Prepared, senders: Senders, stream: Stream | None, answered: Collection[Peer]
    ) -> None:
        """Send at once to all but those who get something else besides."""
        others = [wire for peer, wire in peers.items() if peer not in answered]
        if len(others) == len(peers) or len(others) < CROWD or peers.rounds is not None:
            self._give(peers, message, senders, stream, len(others) >= CROWD)
            return
        peers.told += message.count
        senders.send_at_once(others, message, stream)
        waiting = [peer for peer in peers if peer in answered]
        for peer in waiting:
            peer.messages_out -= message.count  # it is counted with all of them
        senders.fan_out(waiting, message, stream)

    def _give(self, peers: Circle, message: Prepared, senders: Senders, stream: Stream | None, at_once: bool) -> None:
        """Give one circle what is encoded for it, in one piece or in rounds."""
        size = len(peers)
        large = size > MANY or (size >= CROWD and size * len(message.frame) > MUCH)
        if not large and peers.rounds is not None and not peers.rounds.busy and size < MANY // 2:
            peers.rounds = None  # it has become small, or what was said then was unusually long
        if (large or peers.rounds is not None) and not self._passing:
            if peers.rounds is None:
                peers.rounds = Rounds(peers, senders)
                self.sliced = True
            peers.told += message.count
            peers.rounds.append(message, stream)
        elif at_once and size >= CROWD:
            peers.told += message.count
            senders.send_at_once(peers.values(), message, stream)
        else:
            senders.fan_out(peers, message, stream)


def are_strangers(audiences: Sequence[Audience]) -> bool:
    """Tell whether nobody is in two of `audiences`, as far as that is quickly seen: each gets one piece then."""
    if len(audiences) == 1:
        return True
    if len(audiences) > COMPARED:
        return False
    seen: set[Peer] = set()
    for audience in audiences:
        for circle in audience.groups.values():
            if len(circle) > COMPARED_MEMBERS or not seen.isdisjoint(circle):
                return False
            seen.update(circle)
    return True
