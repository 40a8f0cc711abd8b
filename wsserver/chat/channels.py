"""The channels of this server: each with its number, its members and who is present.

A channel exists from the first time it is named by somebody who may use it, and rests when its last user is gone. It is
forgotten only when there are too many, the one that rests longest first: so its number (`cid`) holds as long as
possible, and a number is never given twice. Of those in which nothing was ever said few are kept: one client could fill
a server with them, and there is nothing in them to lose. One that somebody listens to, who is no member, is not
forgotten, and is counted as resting all the same. How messages travel is not decided here.

Read next: `rooms.py`, which lets clients in and out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from wsserver.chat.audience import Audience
from wsserver.chat.authority import NO_RULE, ChannelRule, Rules, no_rules
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Head
from wsserver.chat.presence import Roster
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Stream, Timer

if TYPE_CHECKING:
    from wsserver.chat.catchup import CatchUp
    from wsserver.chat.lane import Lane


BLANK_LIMIT: Final = 1000
"""Resting channels in which nothing was said since the server started: each takes 2.5 KB."""


class Listener(Protocol):
    """Somebody who hears what is said in a channel and is no member of it."""

    def hear(self, messages: list[MessageEvent]) -> None:
        """These are in the log; the members get them now. Always in the order of the log, and without a gap."""

    def begin_anew(self, head: Head) -> None:
        """The log is another one now, and stands there: what was heard before is not continued."""


class Channel:
    """One channel. Its messages are in the log, not here."""

    __slots__ = (
        "_alone", "audience", "catching_up", "cid", "held", "lane", "listener", "name", "notices", "pending", "roster",
        "rule", "stream", "timer", "timer_at",
    )  # fmt: skip

    def __init__(self, name: str, cid: int, rule: ChannelRule = NO_RULE) -> None:
        # configuration
        self.name = name
        self.cid = cid  # what binary frames call it
        self.rule = rule  # who may do what, and what becomes of its messages in a full queue
        policy = rule.queue_policy
        self.stream = None if policy is None else Stream(policy)  # what its messages belong to
        self.notices = None if policy is None else Stream(policy)  # the same for who came and went
        # state
        self.audience = Audience()  # the members who hear it live
        self.catching_up: dict[Session, CatchUp] = {}  # the members who are still being told what they missed
        self.listener: Listener | None = None  # who hears it besides; see `Channels.listen`
        self.held = False  # something is known of it here that comes from elsewhere; see `Channels.hold`
        self.roster = Roster()  # who is present
        self.pending = 0  # messages for it that wait for the end of the turn, or for the log
        self.lane: Lane | None = None  # where they wait; the batch knows, from the first of them on
        self.timer: Timer | None = None  # the announcer's
        self.timer_at = 0.0
        self._alone: Mapping[str, Channel] | None = None

    @property
    def alone(self) -> Mapping[str, "Channel"]:
        """The channels of a client that is only here: most are, and 184 bytes for each of them are one dict for all."""
        if self._alone is None:
            self._alone = {self.name: self}
        return self._alone

    def drop_alone(self) -> None:
        """Nobody is here: let go of that dict, through which the channel would keep itself."""
        self._alone = None

    @property
    def resting(self) -> bool:
        """Nobody is here, and nobody who was lost may still come back unnoticed."""
        return not self.roster.count


class Channels:
    """All channels, by name and by number."""

    def __init__(self, limit: int, on_forget: Callable[[str], None], rules: Rules = no_rules) -> None:
        """At most `limit` channels; `on_forget` is called with the name of each that has to go."""
        self._limit = limit
        self._on_forget = on_forget
        self._rules = rules
        self._by_name: dict[str, Channel] = {}
        self._by_cid: dict[int, Channel] = {}
        self._resting: dict[str, None] = {}  # in the order in which they came to rest
        self._blank: dict[str, None] = {}  # those of them in which nothing was said
        self._heard: dict[str, None] = {}  # those that would rest if nobody listened
        self._last_cid = 0

    def __len__(self) -> int:
        """How many channels have somebody in them."""
        return len(self._by_name) - len(self._resting) - len(self._heard)

    def __iter__(self) -> Iterator[Channel]:
        """Go through the channels that have somebody in them."""
        resting, heard = self._resting, self._heard
        return (channel for name, channel in self._by_name.items() if name not in resting and name not in heard)

    def rule_of(self, name: str) -> ChannelRule:
        """Return the rule of a channel, whether it exists or not."""
        channel = self._by_name.get(name)
        return self._rules(name) if channel is None else channel.rule

    def find(self, name: str) -> Channel | None:
        """Return the channel of that name, if it exists."""
        return self._by_name.get(name)

    def find_cid(self, cid: int) -> Channel | None:
        """Return the channel of that number, if it exists."""
        return self._by_cid.get(cid)

    def open(self, name: str) -> Channel:
        """Return the channel of that (good) name, made if need be; it rests until `wake`.

        Raises ChatError `too_many_channels` when there is no room and none can be forgotten.
        """
        channel = self._by_name.get(name)
        if channel is None:
            if len(self._by_name) >= self._limit:
                self._forget_one()
            self._last_cid += 1
            channel = Channel(name, self._last_cid, self._rules(name))
            self._by_name[name] = channel
            self._by_cid[channel.cid] = channel
            self._rest(channel)
        return channel

    def wake(self, channel: Channel) -> None:
        """Note that somebody is in `channel`: it cannot be forgotten."""
        self._resting.pop(channel.name, None)
        self._blank.pop(channel.name, None)
        self._heard.pop(channel.name, None)

    def settle(self, channel: Channel) -> None:
        """Note whether `channel` rests now. One that was forgotten meanwhile stays so, though its timer still runs."""
        if channel.resting and self._by_name.get(channel.name) is channel:
            self._rest(channel)

    def listen(self, channel: Channel, listener: Listener | None) -> None:
        """Let `listener` hear what is said in `channel`, in place of whoever did; None: nobody."""
        channel.listener = listener
        if channel.resting:
            self.wake(channel)
            self._rest(channel)

    def renumber(self, channel: Channel, cid: int) -> None:
        """Call `channel` what it is called in other processes of this server too. Nobody has heard its number yet."""
        if self._by_cid.get(channel.cid) is channel:
            del self._by_cid[channel.cid]
        channel.cid = cid
        self._by_cid[cid] = channel  # whatever had the number by chance is not open, and will be given its own

    def hold(self, channel: Channel, held: bool) -> None:
        """Keep `channel` as if somebody listened, for what is known of it; False: no longer."""
        channel.held = held
        if channel.resting and self._by_name.get(channel.name) is channel:
            self.wake(channel)
            self._rest(channel)

    def _rest(self, channel: Channel) -> None:
        channel.drop_alone()
        if channel.listener is not None or channel.held:
            self._heard[channel.name] = None
            return
        self._resting[channel.name] = None
        if channel.lane is None:
            self._blank[channel.name] = None
            if len(self._blank) > BLANK_LIMIT:
                self._forget(next(iter(self._blank)))
        else:
            self._blank.pop(channel.name, None)

    def _forget_one(self) -> None:
        for name in self._resting:
            if not self._by_name[name].pending:
                self._forget(name)
                return
        raise ChatError("too_many_channels", "The server has no room for another channel; try later.", retry=True)

    def _forget(self, name: str) -> None:
        channel = self._by_name.pop(name)
        del self._resting[name]
        if self._by_cid.get(channel.cid) is channel:
            del self._by_cid[channel.cid]
        self._blank.pop(name, None)
        self._on_forget(name)
