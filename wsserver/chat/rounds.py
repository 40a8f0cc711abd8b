"""What a very large audience is told, given out a little at a time, and still to everybody in one order.

A delivery to 10,000 members in one piece takes 25 ms, and everybody else waits for it. So what is said is put into a
log, and a hand goes round the members, over and over, a few at each step; whoever it comes to is given all of the log
that is still missing there, in one piece. Others have their turns between two steps (`Surroundings.in_slices`).

    members   0 . . . . . . . . hand . . . . . . n        log: [ m5 | m6 | m7 ]
              has all up to m6 |  has all up to m4             ^ dropped when nobody misses it any more
                               \\ next: m5 m6 m7 in one send

How far a member is stands nowhere by itself: it is the same for all between two places of the hand, a *run*. Members
who come are put behind the last one, have all there is, and are served from the next round on: so a round has an end,
however many come. One that must not wait for the hand, because it leaves or is answered, is given what is missing at
once (`settle`), and then counts as one that has just come.

To each member it is as if everybody had been told in the moment of `append`, only later. How much it may be behind is
judged by whoever lets people speak (`Audience.judge_room`).

Read next: `audience.py`, which decides what is very large; `clients/slices.py`, which gives the turns.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from itertools import chain
from typing import Final, Protocol

from wsserver.clients.router import Peer, Step, Stream, Wire
from wsserver.websocket.prepared import Prepared

STEP_MEMBERS: Final = 128
"""Members served in a step: 0.35 ms, short enough to keep a slice of 2 ms, long enough for the step itself not to show
(2 us)."""

STEP_BYTES: Final = 1024 * 1024
"""Bytes given out in a step, if that makes it shorter: the kernel copies about 3 GB a second, so 0.35 ms as well."""

SPARE_PLACES: Final = 64
"""Empty places that are never worth closing up."""


class Senders(Protocol):
    """The part of `Surroundings` that it needs."""

    def fan_out(self, peers: list[Peer], message: Prepared, stream: Stream | None = None) -> None:
        """Give one encoded message to every peer, at the end of the turn."""

    def send_at_once(self, wires: list[Wire], message: Prepared, stream: Stream | None = None) -> None:
        """Give it to a crowd now."""

    def in_slices(self, step: Step) -> None:
        """Call `step` until it returns False, by turns with everybody else."""


Entry = tuple[Prepared, Stream | None]
"""Something to be told, and what it belongs to."""

Run = tuple[int, int]
"""(end, position): the members from where the run before ends up to that place have all of the log before that."""


class Rounds:
    """Members who get the same bytes, and what they are being told."""

    __slots__ = (
        "_ahead", "_armed", "_at", "_base", "_come", "_done", "_log", "_order", "_pieces", "_places", "_senders",
        "size",
    )  # fmt: skip

    def __init__(self, members: Mapping[Peer, Wire], senders: Senders) -> None:
        """Begin with `members`, who have been told all there is."""
        # configuration
        self._senders = senders
        # state
        self._order: list[Wire | None] = list(members.values())  # by place; None: whoever was there has gone
        self._places = {peer: place for place, peer in enumerate(members)}  # ascending
        self._log: list[Entry] = []  # what somebody still misses
        self._base = 0  # how much was said before that
        self.size = 0  # bytes of the log
        self._at = 0  # the hand: the place that is served next
        self._done: deque[Run] = deque()  # from place 0 to the hand
        self._ahead: deque[Run] = deque(((len(self._order), 0),))  # from there to the end of this round
        self._come: deque[Run] = deque()  # those who came since it began
        self._pieces: tuple[int, int, list[Entry]] = (0, 0, [])  # (from, to, that part of the log in few pieces)
        self._armed = False  # `step` will be called

    def __len__(self) -> int:
        """How many members there are."""
        return len(self._places)

    @property
    def busy(self) -> bool:
        """Somebody still misses something."""
        return bool(self._log)

    @property
    def places(self) -> int:
        """How many places are kept, empty ones included."""
        return len(self._order)

    def append(self, message: Prepared, stream: Stream | None) -> None:
        """Tell everybody who is here now."""
        self._log.append((message, stream))
        self.size += len(message.frame)
        if not self._armed:
            self._senders.in_slices(self.step)
            self._armed = True

    def enter(self, peer: Peer, wire: Wire) -> None:
        """Let a peer that is not here hear what is said from now on."""
        self._places[peer] = len(self._order)
        self._order.append(wire)
        head = self._head()
        if self._come and self._come[-1][1] == head:
            self._come.pop()
        self._come.append((len(self._order), head))

    def leave(self, peer: Peer) -> None:
        """Give a peer that is here what is missing, at the end of this turn, and nothing after that."""
        self._hand_over(peer)
        self._order[self._places.pop(peer)] = None
        if not self._log:
            self._close_up()

    def settle(self, peer: Peer) -> None:
        """Give a peer that is here what is missing, at the end of this turn: what comes next must not overtake it."""
        if self._log and self._hand_over(peer):
            place = self._places.pop(peer)
            wire, self._order[place] = self._order[place], None
            assert wire is not None
            self.enter(peer, wire)

    def step(self) -> bool:
        """Serve the next few; return whether there is more to do."""
        self._armed = False  # should this fail, the next message starts it again
        places, size = STEP_MEMBERS, STEP_BYTES
        while self._log and places > 0 and size > 0:
            if not self._ahead:
                self._turn_round()
            end, position = self._ahead[0]
            if position == self._head():  # they came after all that was said
                self._move_to(end)
                places -= 1
                continue
            pieces = self._pieces_from(position)
            each = sum(len(message.frame) for message, _ in pieces)
            start, stop = self._at, min(end, self._at + max(1, min(places, size // each)))
            places -= stop - start
            size -= (stop - start) * each
            wires = [wire for wire in self._order[start:stop] if wire is not None]
            self._move_to(stop)  # first: whatever goes wrong now, nobody hears anything twice
            for message, stream in pieces:
                self._senders.send_at_once(wires, message, stream)
        self._forget()
        self._armed = bool(self._log)
        return self._armed

    def _head(self) -> int:
        return self._base + len(self._log)

    def _move_to(self, place: int) -> None:
        """Move the hand on, within the run that it is in: who is behind it now has all there is."""
        head = self._head()
        if self._done and self._done[-1][1] == head:
            self._done.pop()
        self._done.append((place, head))
        self._at = place
        if place == self._ahead[0][0]:
            self._ahead.popleft()

    def _turn_round(self) -> None:
        """The hand has gone round: begin again at the first place, and serve those who came meanwhile, too."""
        self._at = 0
        self._ahead, self._done, self._come = self._done + self._come, deque(), deque()
        self._forget()
        self._close_up()

    def _forget(self) -> None:
        """Drop what nobody misses any more. There are as many runs as messages, so it is not done for each of them."""
        oldest = min(position for _, position in chain(self._ahead, self._done, self._come))
        gone = oldest - self._base
        if gone:
            self.size -= sum(len(message.frame) for message, _ in self._log[:gone])
            del self._log[:gone]
            self._base = oldest
            self._pieces = (0, 0, [])

    def _close_up(self) -> None:
        """Close up the empty places, when they are most of all: so each costs little, and there are never many."""
        if len(self._order) <= 2 * len(self._places) + SPARE_PLACES:
            return
        kept = list(self._places.values())
        self._order = [self._order[place] for place in kept]
        self._places = dict(zip(self._places, range(len(kept)), strict=True))
        self._at = bisect_left(kept, self._at)
        self._done = deque((bisect_left(kept, end), position) for end, position in self._done)
        self._ahead = deque((bisect_left(kept, end), position) for end, position in self._ahead)
        self._come = deque((bisect_left(kept, end), position) for end, position in self._come)

    def _hand_over(self, peer: Peer) -> bool:
        """Queue for one peer what it misses; tell whether there was anything."""
        place = self._places[peer]
        runs = self._done if place < self._at else chain(self._ahead, self._come)
        position = next(position for end, position in runs if place < end)
        if position == self._head():
            return False
        for message, stream in self._pieces_from(position):
            self._senders.fan_out([peer], message, stream)
            peer.messages_out -= message.count  # counted for all at once (`Circle.told`)
        return True

    def _pieces_from(self, position: int) -> list[Entry]:
        """Return the log from `position` on in as few pieces as possible: what belongs together is one send."""
        head = self._head()
        if self._pieces[:2] != (position, head):
            self._pieces = (position, head, _join(self._log[position - self._base :]))
        return self._pieces[2]


def _join(entries: list[Entry]) -> list[Entry]:
    pieces: list[Entry] = []
    gathered: list[Prepared] = []
    for index, (message, stream) in enumerate(entries):
        gathered.append(message)
        following = entries[index + 1] if index + 1 < len(entries) else None
        if following is None or following[1] is not stream or following[0].droppable != message.droppable:
            pieces.append((_join_frames(gathered), stream))
            gathered = []
    return pieces


def _join_frames(messages: list[Prepared]) -> Prepared:
    if len(messages) == 1:
        return messages[0]
    frames = b"".join(message.frame for message in messages)
    return Prepared(frames, messages[0].droppable, sum(message.count for message in messages))
