"""The channels that this node has opened, and when it reads who is in them elsewhere.

    open -> subscribed -> read -> Node.on_roster, done       what moves between `read` and its answer is told again
                                                             behind the roster, which may be older than it

Read next: `redis_presence.py`, which reads.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Final

from wsserver.brokers.redis_presence import Users
from wsserver.chat.broker import BrokerUnavailable, Move, Node
from wsserver.reactor.loop import Reactor

READ_AT_ONCE: Final = 200
"""Rosters that are on their way at the same time: what is in them is entered in one turn, in 5 ms. After a loss a node
with 10,000 channels keeps neither Redis nor its own clients waiting."""

Done = Callable[[BrokerUnavailable | None], None]


class _Opened:
    __slots__ = ("moves", "reading", "waiting")

    def __init__(self) -> None:
        self.waiting: Done | None = None  # who wants to know when it is open
        self.reading = 0  # rosters asked for and not answered yet; the last one counts
        self.moves: dict[tuple[str, str], Move] = {}  # what moved meanwhile


class Rosters:
    """All channels that are open, or will be when the link is back."""

    def __init__(
        self,
        reactor: Reactor,
        read: Callable[[Iterable[str], Callable[[str, Users | Exception], None]], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._read = read
        self._on_failed = on_failed
        self._told: Node | None = None
        self._opened: dict[str, _Opened] = {}
        self._wanted: dict[str, None] = {}
        self._due = 0  # rosters that are on their way
        self._planned = False  # the next question is put at the end of this turn
        self._losses = 0  # what was asked for before the last one is answered by nobody

    def __len__(self) -> int:
        """How many there are."""
        return len(self._opened)

    def attach(self, node: Node) -> None:
        """Say who is told."""
        self._told = node

    def is_open(self, channel: str) -> bool:
        """Tell whether this node wants to hear of `channel`."""
        return channel in self._opened

    def open(self, channel: str, done: Done, trouble: BrokerUnavailable | None) -> None:
        """Take note of `channel`; with `trouble` its turn comes when that is over."""
        self._opened[channel] = opened = _Opened()
        if trouble is None:
            opened.waiting = done
        else:
            done(trouble)

    def close(self, channel: str) -> None:
        """Forget `channel`."""
        self._opened.pop(channel, None)
        self._wanted.pop(channel, None)

    def forget(self) -> None:
        """Forget all of them."""
        self._opened.clear()
        self._wanted.clear()

    def fail(self, trouble: BrokerUnavailable) -> None:
        """Tell those who wait that it will take longer; what was being read is read again later."""
        self._wanted.clear()
        self._due = 0
        self._losses += 1
        for opened in list(self._opened.values()):
            opened.reading = 0
            opened.moves.clear()
            done, opened.waiting = opened.waiting, None
            if done is not None:
                done(trouble)

    def want(self, channel: str) -> None:
        """Read who is in `channel`, at the end of this turn or soon after."""
        if channel in self._opened:
            self._wanted[channel] = None
            self._plan()

    def want_all(self) -> None:
        """Read all of them."""
        for channel in list(self._opened):
            self.want(channel)

    def on_moved(self, node: str, channel: str, user: str, move: Move) -> None:
        """Somebody came or went elsewhere."""
        opened = self._opened[channel]
        assert self._told is not None
        if opened.reading:
            opened.moves[node, user] = move
        self._told.on_presence(node, channel, user, move)

    def _plan(self) -> None:
        if self._wanted and self._due < READ_AT_ONCE and not self._planned:
            self._planned = True
            self._reactor.at_end_of_turn(self._ask)

    def _ask(self) -> None:
        self._planned = False
        channels = list(islice(self._wanted, READ_AT_ONCE - self._due))
        for channel in channels:
            del self._wanted[channel]
            self._opened[channel].reading += 1
        self._due += len(channels)
        if channels:
            self._read(channels, partial(self._on_users, self._losses))

    def _on_users(self, losses: int, channel: str, users: Users | Exception) -> None:
        if losses != self._losses:
            return  # to be read again
        self._due -= 1
        self._plan()
        opened = self._opened.get(channel)
        if opened is None or not opened.reading:
            return  # closed meanwhile
        opened.reading -= 1
        if isinstance(users, Exception):
            self._on_failed()
            return
        if opened.reading:
            return  # a newer one is on its way
        assert self._told is not None
        moves, opened.moves = opened.moves, {}
        self._told.on_roster(channel, users)
        for (node, user), move in moves.items():
            self._told.on_presence(node, channel, user, move)
        done, opened.waiting = opened.waiting, None
        if done is not None:
            done(None)
