"""Who of the other nodes' users is in which channel, entered into the rosters here; and who of ours is, told to them.

A user of another node stands in a roster like one client more, whatever the number of clients there: so a user counts
once, is announced once, and has the grace of the lost here as there.

    first client of a user here comes, last one goes ---> Broker.presence
    a roster, a move, the end of a node -----------------> Roster.enter, leave, lose

Read next: `presence.py`, the roster; `cluster.py`, which hears what is told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from wsserver.chat.announcer import Announcer
from wsserver.chat.broker import Broker, Move
from wsserver.chat.channels import Channel, Channels
from wsserver.clients.router import Surroundings

AT_ONCE: Final = 100
"""Users of a lost node that are seen to in one step: 0.2 ms."""


COUNT_S: Final = 1.0
MANY: Final = 1000
"""Above so many channels they are not counted for each who asks: it takes 0.1 ms a thousand."""


class Neighbours:
    """Keeps both in step."""

    def __init__(
        self, surroundings: Surroundings, broker: Broker, channels: Channels, announcer: Announcer, grace_s: float
    ) -> None:
        """Who is lost elsewhere stays `grace_s` seconds here too."""
        self._surroundings = surroundings
        self._broker = broker
        self._channels = channels
        self._announcer = announcer
        self._grace_s = grace_s
        self._ours: dict[str, dict[str, int]] = {}  # channel -> user -> clients here
        self._theirs: dict[str, dict[str, set[str]]] = {}  # node -> channel -> users
        self._counted = 0  # channels that this node speaks for
        self._counted_at = -COUNT_S

    def __len__(self) -> int:
        """How many users of other nodes are entered here, each once for every node and channel."""
        return sum(len(users) for channels in self._theirs.values() for users in channels.values())

    # -- ours ---------------------------------------------------------------------------------------------------------

    def enter(self, channel: str, user: str) -> None:
        """A client of this node joined."""
        users = self._ours.setdefault(channel, {})
        users[user] = users.get(user, 0) + 1
        if users[user] == 1:
            self._broker.presence(channel, user, Move.ENTER)

    def exit(self, channel: str, user: str, clean: bool) -> None:
        """A client of this node left, or was lost; one that never came in is none."""
        users = self._ours.get(channel, {})
        clients = users.get(user, 0)
        if clients > 1:
            users[user] = clients - 1
        elif clients:
            del users[user]
            if not users:
                del self._ours[channel]
            self._broker.presence(channel, user, Move.LEAVE if clean else Move.LOSE)

    def spoken_for(self) -> int:
        """Return the number of channels that this node counts: of all nodes with users in one, the first by name does.

        So the sum over all nodes is the number of channels. It is counted anew once a second at most.
        """
        now = self._surroundings.monotonic()
        if now >= self._counted_at + COUNT_S or len(self._ours) < MANY:
            first = [channels for node, channels in self._theirs.items() if node < self._broker.node]
            self._counted = sum(1 for name in self._ours if not any(name in channels for channels in first))
            self._counted_at = now
        return self._counted

    # -- theirs -------------------------------------------------------------------------------------------------------

    def move(self, node: str, name: str, user: str, move: Move) -> None:
        """A user of `node` came or went (`Node.on_presence`)."""
        channel = self._held(name)
        if channel is None:
            return
        if move is Move.ENTER:
            self._enter(channel, node, (user,))
        else:
            self._exit(channel, node, (user,), clean=move is Move.LEAVE)
        self._announcer.watch(channel)

    def replace(self, name: str, users: Mapping[str, Sequence[str]]) -> None:
        """These are all (`Node.on_roster`). Who moved from one node to another meanwhile has not been away."""
        channel = self._held(name)
        if channel is None:
            return
        known = {node: set(channels[name]) for node, channels in self._theirs.items() if name in channels}
        for node, here in users.items():
            self._enter(channel, node, here)
        for node, before in known.items():
            self._exit(channel, node, before.difference(users.get(node, ())), clean=True)
        self._announcer.watch(channel)

    def lose_node(self, node: str) -> None:
        """All users of `node` are lost (`Node.on_node_gone`); that may be many, so it is done by and by."""
        lost = self._theirs.pop(node, None)
        if lost:
            self._surroundings.in_slices(_steps(self._lose_all(lost)))

    def forget(self, name: str) -> None:
        """Nothing of `name` will be told any more: only ours are in it."""
        channel = self._channels.find(name)
        for node in list(self._theirs):
            users = self._theirs[node].pop(name, None)
            if not self._theirs[node]:
                del self._theirs[node]
            if users and channel is not None:
                now = self._surroundings.monotonic()
                for user in users:
                    channel.roster.leave(user, now)
        if channel is not None:
            self._announcer.watch(channel)
            self._channels.settle(channel)

    def _held(self, name: str) -> Channel | None:
        """Return the channel if somebody here wants to know."""
        channel = self._channels.find(name)
        return channel if channel is not None and channel.held else None

    def _enter(self, channel: Channel, node: str, users: Sequence[str]) -> None:
        known = self._theirs.setdefault(node, {}).setdefault(channel.name, set())
        now = self._surroundings.monotonic()
        for user in users:
            if user not in known:
                known.add(user)
                channel.roster.enter(user, now)
        self._channels.wake(channel)
        self._tidy(channel, node)

    def _exit(self, channel: Channel, node: str, users: Sequence[str] | set[str], clean: bool) -> None:
        known = self._theirs.get(node, {}).get(channel.name, set())
        now = self._surroundings.monotonic()
        for user in users:
            if user in known:
                known.discard(user)
                if clean:
                    channel.roster.leave(user, now)
                else:
                    channel.roster.lose(user, now, self._grace_s)
        self._tidy(channel, node)

    def _tidy(self, channel: Channel, node: str) -> None:
        """Keep no empty set, and let a channel rest in which nobody is."""
        channels = self._theirs.get(node, {})
        if not channels.get(channel.name, True):
            del channels[channel.name]
        if not channels:
            self._theirs.pop(node, None)
        self._channels.settle(channel)

    def _lose_all(self, lost: dict[str, set[str]]) -> Iterator[None]:
        for name, users in lost.items():
            channel = self._channels.find(name)
            if channel is None:
                continue
            for user in users:
                channel.roster.lose(user, self._surroundings.monotonic(), self._grace_s)
                yield
            self._announcer.watch(channel)
            self._channels.settle(channel)


def _steps(work: Iterator[None]) -> Callable[[], bool]:
    """Return what does some of `work` each time it is called."""

    def step() -> bool:
        return sum(1 for _ in islice(work, AT_ONCE)) == AT_ONCE

    return step
