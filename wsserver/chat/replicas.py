"""A log that lies elsewhere, as the chat sees one: it answers at once what this node knows, and the rest soon.

    head, after, before ---> the replica of the channel ---> answered
                                 \\-> not open, or not in its tail: NotYet; asked elsewhere, ask again when told
    append ---> the remote log ---> outcome ---> `bring` ---> delivered in order ---> acks

What `head` tells is what was delivered here, not what the log has: history and live stream meet on every node.

Read next: `copies.py`, `keeper.py`; `cluster.py`, which hears what the other nodes say.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from wsserver.chat.broker import Broker
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.copies import Copies, Copy
from wsserver.chat.errands import Errands
from wsserver.chat.keeper import Keeper
from wsserver.chat.log import Done, Head, Log, NotYet, Outcome, Publication, StoreUnavailable
from wsserver.chat.pages import KEEP_S, Page
from wsserver.chat.remote_log import RemoteLog
from wsserver.chat.replica import Replica
from wsserver.chat.share import Share
from wsserver.chat.told import Told
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Surroundings

READING: Final = 1000
"""Pages of all channels together that are read or kept: 30 MiB of ordinary text."""


class Replicas:
    """The log of a node among others (`Log`)."""

    def __init__(self, remote_of: Callable[[str], RemoteLog], broker: Broker, history_of: Callable[[str], int]) -> None:
        """`remote_of(channel)` is the log that holds it, the same one each time; `history_of(channel)` how many
        messages that keeps of it, 0 for none."""
        self._remote_of = remote_of
        self._broker = broker
        self._history_of = history_of
        self._parts: dict[int, Part] = {}
        self._reading = 0
        self._asked_at = 0  # how many new starts there had been when what is brought was appended

    def attach(self, surroundings: Surroundings, channels: Channels, on_anew: Callable[[Copy], None]) -> None:
        """Build what needs the world. `on_anew(copy)` gives everybody who hears a channel a new start."""
        self._surroundings = surroundings
        self._errands = Errands(surroundings.monotonic)
        self.copies = Copies(surroundings, self._broker, channels, self._errands, self._history_of)
        self.keeper = Keeper(surroundings, self.copies, self._errands, on_anew)
        self.told = Told(surroundings, self._broker)
        self.copies.on_open = self.keeper.begin
        self.copies.on_close = self._closed
        self.copies.on_heard = self.keeper.doubt
        self.on_closed: Callable[[str], None] | None = None

    # -- what the chat asks -------------------------------------------------------------------------------------------

    def head(self, channel: str) -> Head:
        """Return what was delivered here (`Log.head`). Raises NotYet too, and ChatError `too_many_channels`."""
        return self._opened(channel)[1].head

    def reach(self, channel: str, seq: int) -> None:
        """Return when what the log has up to `seq` was delivered here (`Reaching`). Raises NotYet too."""
        copy, replica = self._opened(channel)
        self.keeper.reach(copy, replica, seq)

    def after(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the oldest kept messages after `seq` (`Log.after`). Raises NotYet too."""
        copy, replica = self._opened(channel)
        first = max(seq + 1, replica.oldest)
        return self._read(copy, replica, first, min(first + limit - 1, replica.seq))

    def before(self, channel: str, seq: int, limit: int) -> list[MessageEvent]:
        """Return the newest kept messages before `seq` (`Log.before`). Raises NotYet too."""
        copy, replica = self._opened(channel)
        last = min(seq - 1, replica.seq)
        return self._read(copy, replica, max(last - limit + 1, replica.oldest), last)

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Have `batch` stored (`Log.append`); all of it is of one part."""
        self.append_to(self._remote_of(batch[0].channel), batch, done)

    def append_to(self, remote: RemoteLog, batch: Sequence[Publication], done: Done) -> None:
        """The same, where it is known which part that is."""
        remote.append(batch, partial(self._stored, remote, done, self.keeper.new_starts))

    def bring(self, shares: Mapping[Channel, Share]) -> None:
        """Deliver what this node has stored, each share when its turn in the order comes (`Courier`)."""
        find, keeper, asked_at, now = self.copies.get, self.keeper, self._asked_at, self._surroundings.monotonic()
        for channel, share in shares.items():
            copy = find(channel.name)
            if copy is None:
                share.conclude()  # nobody here hears it
            elif copy.begun > asked_at:
                keeper.doubt(copy)  # it may be in the log that was there before
                share.conclude()
            else:
                keeper.bring(copy, share, now)

    def trouble_of(self, channel: str) -> str | None:
        """Return why nothing can be stored just now (`Courier.trouble_of`)."""
        return self._remote_of(channel).trouble

    def release(self, channel: str) -> None:
        """The chat has forgotten `channel` (`Log.release`)."""
        copy = self.copies.get(channel)
        if copy is not None:
            self.copies.drop(copy)

    def part_of(self, channel: str) -> Log:
        """Return what appends to the log that holds `channel` (`Log.part_of`)."""
        remote = self._remote_of(channel)
        part = self._parts.get(id(remote))
        if part is None:
            part = self._parts[id(remote)] = Part(self, remote)
        return part

    # -- what happens -------------------------------------------------------------------------------------------------

    def _opened(self, channel: str) -> tuple[Copy, Replica]:
        copy = self.copies.get(channel)
        if copy is not None and copy.replica is not None:
            return copy, copy.replica
        return self.copies.opened(channel, self._remote_of(channel))

    def _stored(self, remote: RemoteLog, done: Done, asked_at: int, outcome: Outcome) -> None:
        """Tell the other nodes, if the log does not, then those here. An outcome does not say of which log it is."""
        self._asked_at = asked_at
        if isinstance(outcome, list) and not remote.announces:
            news: dict[str, list[MessageEvent]] = {}
            for stored in outcome:
                if not stored.duplicate:
                    news.setdefault(stored.message.channel, []).append(stored.message)
            for channel, messages in news.items():
                copy = self.copies.get(channel)
                replica = None if copy is None else copy.replica
                self.told.announce(channel, "" if replica is None else replica.epoch, messages)
        done(outcome)

    def _read(self, copy: Copy, replica: Replica, first: int, last: int) -> list[MessageEvent]:
        """Return a range of what was delivered here, or raise NotYet and have it read."""
        if first > last:
            return []
        start = replica.tail_start
        if first >= start:
            return replica.read(first, last)
        upto = min(last, start - 1)
        older = copy.pages.find(first, upto)
        if older is None:
            raise self._fetch(copy, replica, first, upto)
        return older + replica.read(start, last) if last >= start else older

    def _fetch(self, copy: Copy, replica: Replica, first: int, last: int) -> NotYet:
        if self._reading >= READING:
            raise StoreUnavailable("too much is read at once")
        page = copy.pages.begin(first, last)
        self._reading += 1
        replica.stretched = True
        not_yet = NotYet(page.waiters.append)
        read = partial(copy.remote.read, copy.channel.name, first, last)
        self._errands.ask(read, partial(self._fetched, copy, replica, page))
        return not_yet

    def _fetched(self, copy: Copy, replica: Replica, page: Page, outcome: list[MessageEvent] | Exception) -> None:
        """Keep a page for those who wait for it; what is missing at its lower end is gone for ever."""
        now = self._surroundings.monotonic()
        page.kept_until = now + KEEP_S
        if isinstance(outcome, Exception):
            page.outcome = StoreUnavailable(str(outcome))
        else:
            page.outcome = outcome
            oldest = outcome[0].seq if outcome else page.last + 1
            if oldest > page.first:
                replica.lose_before(oldest)
        self._surroundings.call_later(KEEP_S, partial(self._expire, copy, replica))
        waiters, page.waiters = page.waiters, []
        for waiter in waiters:
            waiter()

    def _expire(self, copy: Copy, replica: Replica) -> None:
        self._reading -= 1
        copy.pages.expire(self._surroundings.monotonic() + 1e-6)
        if not copy.pages:
            replica.stretched = False
            replica.trim()
            if copy.replica is replica and not copy.gone:
                self.keeper.tails.count(replica)
            self.copies.idle(copy.channel.name)

    def _closed(self, copy: Copy) -> None:
        for waiter in copy.pages.drop():
            waiter()
        self.keeper.end(copy)
        if self.on_closed is not None:
            self.on_closed(copy.channel.name)


class Part:
    """What one of several remote logs appends; read is from the same replicas (`Log`)."""

    def __init__(self, whole: Replicas, remote: RemoteLog) -> None:
        self.remote = remote
        self._whole = whole
        self.head = whole.head
        self.reach = whole.reach
        self.after = whole.after
        self.before = whole.before
        self.append = partial(whole.append_to, remote)
        self.release = whole.release
        self.part_of = whole.part_of
