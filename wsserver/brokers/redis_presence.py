"""Who is in which channel on which node, kept in Redis for those who come later; and which nodes live at all.

A node lives as long as its lease runs; it renews it three times before it would end. Every node looks now and then for
leases that have ended and removes what is kept of such a node's users, in steps that nobody can get between. A node
that was frozen for so long finds its own lease ended when it wakes, and writes its users anew.

What this node has told is held here too (`_here`): a Redis that comes back empty is told it again.

Read next: `redis_names.py` for the keys; `redis_scripts.py`, CLAIM to SWEEP.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

from wsserver.brokers import redis_scripts as scripts
from wsserver.brokers.envelope import Gone, encode, seal
from wsserver.brokers.redis_commands import Commands, LinkDown, ignore
from wsserver.brokers.redis_names import Names
from wsserver.chat.broker import Move
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

FIELDS_AT_ONCE: Final = 500
"""Users in one command: some 150 KiB at most."""

CHANNELS_AT_ONCE: Final = 100
"""Channels that are written in one turn when all are written anew: 2 ms."""

ENDED_AT_ONCE: Final = 16
"""Leases that have ended, dealt with in one look; the next look finds the others."""

Users = dict[str, list[str]]
"""Users by the node they are on."""


class Watcher(Protocol):
    """Who is told."""

    def on_claimed(self) -> None:
        """The lease runs, and Redis knows the users of this node."""

    def on_rewritten(self, channels: Iterable[str]) -> None:
        """The other nodes had better read again who is in `channels`."""

    def on_gone(self, node: str) -> None:
        """The users of `node` have been removed, by us; the other nodes have been told."""


class RedisPresence:
    """This node's share in Redis."""

    def __init__(
        self, reactor: Reactor, commands: Commands, names: Names, node: str, lease_s: float, watcher: Watcher
    ) -> None:
        # configuration
        self._reactor = reactor
        self._commands = commands
        self._names = names
        self._node = node
        self._lease_s = lease_s
        self._watcher = watcher
        # state
        self._here: dict[str, set[str]] = {}  # channel -> users of this node in it
        self._moved: dict[str, dict[str, bool]] = {}  # what Redis has to be told at the end of this turn
        self.claimed = False
        self._claiming = False
        self._writing = False  # all of `_here` is being written, a few channels a turn
        self._claims = 0  # what an earlier one has begun is not gone on with
        self._timers: list[Timer] = []

    # -- this node --------------------------------------------------------------------------------------------------

    def move(self, channel: str, user: str, move: Move) -> None:
        """Take note of who came or went; `flush` tells Redis."""
        users = self._here.setdefault(channel, set())
        if move is Move.ENTER:
            users.add(user)
        else:
            users.discard(user)
        if not users:
            del self._here[channel]
        if self.claimed or self._writing:
            self._moved.setdefault(channel, {})[user] = move is Move.ENTER

    def flush(self) -> None:
        """Tell Redis what has moved in this turn."""
        moved, self._moved = self._moved, {}
        if not (self.claimed or self._writing):
            return  # all is told when it is claimed again
        for channel, users in moved.items():
            self._write(channel, [user for user, there in users.items() if there])
            gone = [self._field(user) for user, there in users.items() if not there]
            for start in range(0, len(gone), FIELDS_AT_ONCE):
                self._commands.call(("HDEL", self._names.users(channel), *gone[start : start + FIELDS_AT_ONCE]))
            if channel not in self._here:
                self._commands.call(("SREM", self._names.channels_of(self._node), channel))

    def _write(self, channel: str, users: list[str]) -> None:
        if users:
            self._commands.call(("SADD", self._names.channels_of(self._node), channel))
        for start in range(0, len(users), FIELDS_AT_ONCE):
            fields = [word for user in users[start : start + FIELDS_AT_ONCE] for word in (self._field(user), 1)]
            self._commands.call(("HSET", self._names.users(channel), *fields))

    def _field(self, user: str) -> str:
        return f"{self._node}|{user}"

    # -- the lease --------------------------------------------------------------------------------------------------

    def on_up(self) -> None:
        """The link for commands is there: what Redis knows of us is uncertain, so all is written anew."""
        self._cancel_timers()
        self._timers = [
            self._reactor.call_later(self._lease_s / 3, self._renew),
            self._reactor.call_later(self._pause_s(), self._look_for_ended),
        ]
        self.claim()

    def on_down(self) -> None:
        """The link is gone."""
        self._cancel_timers()
        self.claimed = self._claiming = self._writing = False
        self._claims += 1
        self._moved.clear()

    def claim(self) -> None:
        """Take a lease and write this node's users anew."""
        if self._claiming and not self._writing:
            return
        self.claimed = self._writing = False
        self._claiming = True
        self._claims += 1
        self._run(scripts.CLAIM, [self._names.nodes], [self._node, self._lease_ms])
        self._sweep(self._node, "rewrite", partial(self._rewrite, self._claims))

    def _rewrite(self, claim: int, swept: set[str]) -> None:
        """Write everybody; who moves from now on is written besides."""
        if claim == self._claims:
            self._writing = True
            self._moved.clear()
            self._write_some(claim, deque(self._here), swept | self._here.keys())

    def _write_some(self, claim: int, left: deque[str], told: set[str]) -> None:
        if claim != self._claims:
            return
        for channel in [left.popleft() for _ in range(min(len(left), CHANNELS_AT_ONCE))]:
            self._write(channel, list(self._here.get(channel, ())))
        if left:
            self._reactor.call_soon(partial(self._write_some, claim, left, told))
            return
        self._claiming = self._writing = False
        self.claimed = True
        self._watcher.on_claimed()
        self._watcher.on_rewritten(told)

    def _renew(self) -> None:
        self._timers[0] = self._reactor.call_later(self._lease_s / 3, self._renew)

        def on_reply(reply: Any) -> None:
            if reply == 0:
                self.claim()

        if self.claimed:
            self._run(scripts.CLAIM, [self._names.nodes], [self._node, self._lease_ms], on_reply)

    @property
    def _lease_ms(self) -> int:
        return round(self._lease_s * 1000)

    # -- the other nodes --------------------------------------------------------------------------------------------

    def read(self, channels: Iterable[str], done: Callable[[str, Users | Exception], None]) -> None:
        """Read who is in `channels` on other nodes that live; `done(channel, users)` is called for each, in order."""
        living: set[bytes] = set()

        def on_living(reply: Any) -> None:
            if isinstance(reply, list):
                living.update(reply)

        self._run(scripts.LIVING, [self._names.nodes], [], on_living)
        for channel in channels:
            self._commands.call(("HKEYS", self._names.users(channel)), partial(self._on_users, channel, living, done))

    def _on_users(
        self, channel: str, living: set[bytes], done: Callable[[str, Users | Exception], None], reply: Any
    ) -> None:
        if not isinstance(reply, list):
            done(channel, reply if isinstance(reply, Exception) else ValueError("no list"))
            return
        users: Users = {}
        for field in reply:
            node, _, user = field.partition(b"|")
            if node in living and (name := node.decode("ascii", "replace")) != self._node:
                users.setdefault(name, []).append(user.decode("utf-8", "replace"))
        done(channel, users)

    def _look_for_ended(self) -> None:
        """Find nodes that have ended without a word. Each node looks at a moment of its own."""
        self._timers[1] = self._reactor.call_later(self._pause_s(), self._look_for_ended)

        def on_reply(reply: Any) -> None:
            for node in reply if isinstance(reply, list) else ():
                name = node.decode("ascii", "replace")
                if name != self._node:
                    self._sweep(name, "lease", partial(self._on_swept, name))

        self._run(scripts.ENDED, [self._names.nodes], [ENDED_AT_ONCE], on_reply)

    def _on_swept(self, node: str, _swept: set[str]) -> None:
        self._watcher.on_gone(node)

    def _sweep(self, node: str, why: str, done: Callable[[set[str]], None]) -> None:
        """Remove what is kept of the users of `node`, a hundred channels at a time; `done` gets those channels."""
        swept: set[str] = set()
        [said] = seal(self._node, [encode(Gone(node))], 1 << 20)
        keys = [self._names.nodes, self._names.channels_of(node)]
        arguments = [node, why, self._names.users_in, self._names.all, said]

        def on_reply(reply: Any) -> None:
            if not isinstance(reply, list) or not reply or reply[0] == 0:
                if why == "rewrite" and not isinstance(reply, LinkDown):
                    self._commands.link.drop(self._commands.complaint or "Redis does not take who is on this node")
                return
            swept.update(channel.decode("utf-8", "replace") for channel in reply[1:])
            if reply[0] == 1:
                self._run(scripts.SWEEP, keys, arguments, on_reply)
            else:
                done(swept)

        self._run(scripts.SWEEP, keys, arguments, on_reply)

    def _pause_s(self) -> float:
        return self._reactor.world.uniform(self._lease_s / 8, self._lease_s / 5)

    def _run(self, script: str, keys: list[str], arguments: list[Any], done: Callable[[Any], None] = ignore) -> None:
        scripts.run(self._commands, script, keys, arguments, done)

    # -- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Remove everything of this node, and tell the others."""
        self._claims += 1
        self._cancel_timers()
        if self._commands.up:
            for _ in range(0, len(self._here) + 1, 100):  # each takes a hundred channels, and nobody waits for it
                self._sweep(self._node, "goodbye", _forget)
        self._here.clear()

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []


def _forget(_swept: set[str]) -> None:
    """Nobody has to be told."""
