"""The channels that this node has a replica of: how one comes to be, and when it is let go.

    head() --> broker.open --> glance --> open ---- nobody needs it for LINGER_S ---> gone
                                     \\--> refused --- REFUSED_S ---> gone

First the broker is asked to tell, then the log is looked at: nothing can fall between. A broker that cannot be reached
keeps nobody out: what others say is then missing until it is back, and is read then.

Read next: `keeper.py`, which keeps an open replica true; `replicas.py`, for what the chat sees of all this.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Final

from wsserver.chat.broker import Broker, BrokerUnavailable, Numbering
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.errands import Errands
from wsserver.chat.log import NotYet, StoreUnavailable
from wsserver.chat.pages import Pages
from wsserver.chat.remote_log import Glance, RemoteLog
from wsserver.chat.replica import OPENING, Replica
from wsserver.chat.share import Share
from wsserver.chat.sought import Sought
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Surroundings, Timer

LINGER_S: Final = 30.0
"""After the last one went: a page that is loaded anew, or a client that changes nodes and back, finds it still here."""

IDLE_LIMIT: Final = 10_000
"""Replicas that nobody needs: 64 MiB of them at worst would be old news; the oldest go first."""

REFUSED_S: Final = 1.0
"""So long whoever asks is told what the last one was told: all who waited are, and nobody hammers a log in trouble."""

PATIENCE_S: Final = 1.0
"""Whoever joins waits so long for the broker. One that hangs is noticed by others later; the log does not need it."""

EARLY: Final = 1000
"""Announcements that are kept while a replica is being opened; what is over is read."""


class Copy:
    """One channel, and everything that is on its way for it."""

    __slots__ = (
        "ack_timer", "asking", "begun", "channel", "doubtful", "due", "early", "gone", "looked_at", "looking",
        "pages", "pause_s", "refusal", "remote", "replica", "sought", "timer", "waiters",
    )  # fmt: skip

    def __init__(self, channel: Channel, remote: RemoteLog) -> None:
        # configuration
        self.channel = channel
        self.remote = remote
        # state
        self.replica: Replica | None = None  # None until the log has been looked at
        self.refusal: str | None = None  # why there is none
        self.begun = 0  # the new start of this node that was this channel's last
        self.gone = False
        self.looking = False  # the log has been asked where it stands
        self.waiters: list[Callable[[], None]] = []  # who waits for it
        self.early: list[tuple[str, list[MessageEvent]]] = []  # what was announced before there was one, by epoch
        self.pages = Pages()
        self.sought = Sought()
        self.due: deque[tuple[int, float, Share]] = deque()  # own messages: up to which seq, since when
        self.asking = False  # a question that mends it is on its way
        self.doubtful = False  # the log is to be looked at again
        self.looked_at = -1e9  # when that was done last
        self.pause_s = 0.0  # before it is tried again
        self.timer: Timer | None = None  # for what is missing
        self.ack_timer: Timer | None = None  # for `due`

    @property
    def needed(self) -> bool:
        """Somebody hears it, or waits for it."""
        channel = self.channel
        return bool(
            channel.audience.groups or channel.catching_up or channel.listener is not None
            or self.waiters or self.due or self.pages or self.sought or channel.pending
        )  # fmt: skip


class Copies:
    """All of them, by name."""

    def __init__(
        self,
        surroundings: Surroundings,
        broker: Broker,
        channels: Channels,
        errands: Errands,
        history_of: Callable[[str], int],
    ) -> None:
        """`history_of(channel)` is how many messages a channel keeps."""
        self._surroundings = surroundings
        self._broker = broker
        self._channels = channels
        self._errands = errands
        self._history_of = history_of
        self._copies: dict[str, Copy] = {}
        self._idle: OrderedDict[str, float] = OrderedDict()  # to be looked at, and since when nobody may need it
        self._sweeping = False
        self.on_open: Callable[[Copy], None] = _nobody
        self.on_close: Callable[[Copy], None] = _nobody
        self.on_heard: Callable[[Copy], None] = _nobody  # the broker tells at last what is said there

    def __len__(self) -> int:
        return len(self._copies)

    def get(self, name: str) -> Copy | None:
        """Return what there is."""
        return self._copies.get(name)

    def values(self) -> list[Copy]:
        """Return all there are."""
        return list(self._copies.values())

    def opened(self, name: str, remote: RemoteLog) -> tuple[Copy, Replica]:
        """Return an open replica. Raises NotYet, StoreUnavailable, and ChatError `too_many_channels`."""
        copy = self._copies.get(name) or self._open(name, remote)
        if copy.replica is not None:
            return copy, copy.replica
        if copy.refusal is not None:
            raise StoreUnavailable(copy.refusal)
        raise NotYet(copy.waiters.append)

    def idle(self, name: str) -> None:
        """Somebody needs `name` no longer; look in a while whether anybody does."""
        if name not in self._copies:
            return
        self._idle[name] = self._surroundings.monotonic()
        self._idle.move_to_end(name)
        if len(self._idle) > IDLE_LIMIT:
            self._judge(next(iter(self._idle)))
        if not self._sweeping:
            self._sweeping = True
            self._surroundings.call_later(LINGER_S, self._sweep)

    def drop(self, copy: Copy) -> None:
        """Let go of a replica. Whoever waits asks again."""
        if copy.gone:
            return
        copy.gone = True
        name = copy.channel.name
        del self._copies[name]
        self._idle.pop(name, None)
        for timer in (copy.timer, copy.ack_timer):
            if timer is not None:
                timer.cancel()
        self._broker.close(name)
        self.on_close(copy)
        self._channels.hold(copy.channel, False)
        wake(copy)

    def _open(self, name: str, remote: RemoteLog) -> Copy:
        copy = Copy(self._channels.open(name), remote)
        self._copies[name] = copy
        self._channels.hold(copy.channel, True)
        copy.timer = self._surroundings.call_later(PATIENCE_S, partial(self._look, copy))
        self._broker.open(name, partial(self._heard_by, copy))
        return copy

    def _heard_by(self, copy: Copy, error: BrokerUnavailable | None) -> None:
        """The broker tells from now on, or will when its link is back: then everything is looked at again anyway."""
        if copy.looking and error is None and not copy.gone:
            self.on_heard(copy)  # it took so long that something may have been said before
        self._look(copy)

    def _look(self, copy: Copy) -> None:
        """See where the log stands; what is said from now on is heard, or will be looked for."""
        if not copy.gone and not copy.looking:
            copy.looking = True
            if copy.timer is not None:
                copy.timer.cancel()
                copy.timer = None
            broker = self._broker
            number = broker.number_of(copy.channel.name) if isinstance(broker, Numbering) else None
            if number is not None:
                self._channels.renumber(copy.channel, number)
            self._errands.ask(partial(copy.remote.glance, copy.channel.name, OPENING), partial(self._glanced, copy))

    def _glanced(self, copy: Copy, outcome: Glance | Exception) -> None:
        if copy.gone:
            return
        name = copy.channel.name
        if isinstance(outcome, Exception):
            copy.refusal = str(outcome)
            self._surroundings.call_later(REFUSED_S, partial(self.drop, copy))
        else:
            copy.looked_at = self._surroundings.monotonic()
            copy.replica = Replica(outcome.head, outcome.messages, self._history_of(name))
            self.on_open(copy)
            self.idle(name)
        wake(copy)

    def _sweep(self) -> None:
        """Let go of what nobody has needed for a while."""
        self._sweeping = False
        now = self._surroundings.monotonic()
        while self._idle:
            name, since = next(iter(self._idle.items()))
            if since + LINGER_S > now:
                self._sweeping = True
                self._surroundings.call_later(since + LINGER_S - now, self._sweep)
                return
            self._judge(name)

    def _judge(self, name: str) -> None:
        del self._idle[name]
        copy = self._copies[name]
        if not copy.needed:
            self.drop(copy)


def wake(copy: Copy) -> None:
    """Let all go on who wait for `copy`."""
    waiters, copy.waiters = copy.waiters, []
    for waiter in waiters:
        waiter()


def _nobody(_copy: Copy) -> None:
    """Nobody wants to know."""
