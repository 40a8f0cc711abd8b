"""Channels as streams: each reader is told what it missed, slice by slice, then hears the channel live.

    open -> stream begins -> [since]  slice -- pause -- slice ... --> live: one piece for all readers of the channel
                          -> [none, or not all of it is there: reset] --^

A reader that is behind gets messages through the log, in their order, and joins the others in the moment in which
nothing is missing; so there is neither a gap nor a repeat. Should one open all the same, it is closed from the log too.
Readers are no members: nobody is told of them and nobody counts them. One that does not read is closed by its queue,
and goes on where it was when it comes back.

Read next: `events.py`, which judges who may read; `chat/catchup.py`, the same for members.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from wsserver.api.event_stream import (
    Place,
    encode_beat,
    encode_goaway,
    encode_messages,
    encode_reset,
    encode_start,
)
from wsserver.chat.authority import Grant
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.history import head_for, is_recoverable, read_slice
from wsserver.chat.log import Head, Log, StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Surroundings
from wsserver.clients.visit import Visit
from wsserver.http.security import HeaderList

PAUSE_S: Final = 0.1
"""Between slices: a megabyte a second for plain text, and others get their turns."""


class Reader:
    """One stream."""

    __slots__ = ("grant", "seq", "visit")

    def __init__(self, visit: Visit, seq: int, grant: Grant | None) -> None:
        self.visit = visit
        self.seq = seq  # of the last message that it was sent, or from which on it is interested
        self.grant = grant  # what its token says; None where none is asked for


class Feed:
    """One channel and its readers."""

    def __init__(
        self, surroundings: Surroundings, log: Log, channel: Channel, on_empty: Callable[["Feed"], None]
    ) -> None:
        """`on_empty` is called when the last reader has gone."""
        self._surroundings = surroundings
        self._log = log
        self._on_empty = on_empty
        self.channel = channel
        self.epoch = ""
        self.readers: dict[Reader, None] = {}
        self._live: dict[Reader, None] = {}  # those who hear what comes

    def admit(self, reader: Reader, epoch: str) -> None:
        """Take a reader whose stream has begun."""
        self.epoch = epoch
        visit = reader.visit
        self.readers[reader] = None
        visit.on_end = partial(self._forget, reader)
        visit.on_beat = partial(self._beat, reader)
        visit.on_drain = partial(self._say_goodbye, reader)

    def hear(self, messages: list[MessageEvent]) -> None:
        """Tell whoever hears the channel live (`chat.channels.Listener`)."""
        piece = encode_messages(self.epoch, messages)
        first, last = messages[0].seq, messages[-1].seq
        for reader in tuple(self._live):
            if self._has_expired(reader):
                continue
            if reader.seq + 1 == first:
                reader.visit.write(piece)
                reader.seq = last
            elif reader.seq < last:
                del self._live[reader]
                self.catch_up(reader)

    def begin_anew(self, head: Head) -> None:
        """The log is another one: nobody can go on from where he was (`chat.channels.Listener`)."""
        self.epoch = head.epoch
        for reader in tuple(self.readers):
            if not self._has_expired(reader):
                self.reset(reader, Place(head.epoch, head.seq))

    def catch_up(self, reader: Reader) -> None:
        """Send the next slice of what a reader missed; let it hear the rest live if that was all."""
        if reader.visit.over or self._has_expired(reader):
            return
        if reader.visit.behind:
            self._catch_up_later(reader)
            return
        name = self.channel.name
        try:
            head = self._log.head(name)
            messages = read_slice(self._log, name, reader.seq, head.seq)
        except StoreUnavailable:
            self._catch_up_later(reader)
            return
        if reader.seq < head.seq and (not messages or messages[0].seq != reader.seq + 1):
            self.reset(reader, Place(head.epoch, head.seq))  # the log has dropped what comes next
            return
        if messages:
            reader.visit.write(encode_messages(self.epoch, messages))
            reader.seq = messages[-1].seq
        if reader.seq < head.seq:
            self._catch_up_later(reader)
        else:
            self._live[reader] = None

    def reset(self, reader: Reader, place: Place) -> None:
        """Say that something is missing, and go on live."""
        reader.visit.write(encode_reset(place))
        self.go_live(reader, place.seq)

    def go_live(self, reader: Reader, seq: int) -> None:
        """Let a reader hear what comes behind `seq`, the newest."""
        reader.seq = seq
        self._live[reader] = None

    def end(self, reader: Reader) -> None:
        """End one stream."""
        reader.visit.end()
        self._forget(reader)

    def _catch_up_later(self, reader: Reader) -> None:
        self._surroundings.call_later(PAUSE_S, partial(self.catch_up, reader))

    def _has_expired(self, reader: Reader) -> bool:
        """Tell whether the reader's token has run out; its stream is over then."""
        if reader.grant is None or self._surroundings.wall_ms() < reader.grant.expires_ms:
            return False
        self.end(reader)
        return True

    def _beat(self, reader: Reader) -> bytes:
        return b"" if self._has_expired(reader) else encode_beat(Place(self.epoch, reader.seq))

    def _say_goodbye(self, reader: Reader, reconnect_in_s: float) -> None:
        reader.visit.write(encode_goaway(Place(self.epoch, reader.seq), reconnect_in_s))

    def _forget(self, reader: Reader) -> None:
        self._live.pop(reader, None)
        del self.readers[reader]
        if not self.readers:
            self._on_empty(self)


class Feeds:
    """All channels that are read so. A channel that is read is not forgotten."""

    def __init__(self, surroundings: Surroundings, log: Log, channels: Channels, recovery_limit: int) -> None:
        """A reader that missed more than `recovery_limit` messages is reset."""
        self._surroundings = surroundings
        self._log = log
        self._channels = channels
        self._recovery_limit = recovery_limit
        self._feeds: dict[str, Feed] = {}

    def __len__(self) -> int:
        """How many streams there are."""
        return sum(len(feed.readers) for feed in self._feeds.values())

    def open(self, visit: Visit, name: str, since: Place | None, grant: Grant | None, headers: HeaderList) -> None:
        """Begin a stream of the channel `name` (a good one) behind `since`; None: with what comes now.

        Raises StoreUnavailable, and ChatError `too_many_channels`; nothing has been sent then.
        """
        channel = self._channels.open(name)
        head = self._log.head(name) if since is None else head_for(self._log, name, since.epoch, since.seq)
        visit.stream(headers)
        if visit.over:
            return
        visit.write(encode_start())
        feed = self._feed_of(channel)
        reader = Reader(visit, head.seq, grant)
        feed.admit(reader, head.epoch)
        if since is None:
            feed.go_live(reader, head.seq)
        elif since.epoch == head.epoch and is_recoverable(head, since.seq, self._recovery_limit):
            reader.seq = since.seq
            feed.catch_up(reader)
        else:
            feed.reset(reader, Place(head.epoch, head.seq))

    def disconnect(self, user: str) -> int:
        """End every stream that reads with a token of `user`; return how many there were."""
        doomed = [
            (feed, reader)
            for feed in self._feeds.values()
            for reader in feed.readers
            if reader.grant is not None and reader.grant.user == user
        ]
        for feed, reader in doomed:
            feed.end(reader)
        return len(doomed)

    def _feed_of(self, channel: Channel) -> Feed:
        feed = self._feeds.get(channel.name)
        if feed is None:
            feed = self._feeds[channel.name] = Feed(self._surroundings, self._log, channel, self._close)
            self._channels.listen(channel, feed)
        return feed

    def _close(self, feed: Feed) -> None:
        del self._feeds[feed.channel.name]
        self._channels.listen(feed.channel, None)
