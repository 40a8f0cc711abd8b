"""Decides what a client gets to read of a channel's log: a page of history, or what it missed since it was last here.

The rule of recovery: either exactly the messages after `since`, or the newest page and the word that it is not the
whole; never a part said to be the whole (`docs/protocol.md`, recovery). It reads the log and changes nothing.

Read next: `rooms.py`, which asks; `catchup.py`, for what does not fit into one message.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from wsserver.chat.errors import ChatError
from wsserver.chat.log import Head, Log, Reaching
from wsserver.chat.vocabulary import History, Join, MessageEvent

PAGE_LIMIT: Final = 300
"""Messages in one page, as in Centrifugo: more than any screen shows."""

PAGE_CHARS: Final = 128 * 1024
"""Characters in one page. Six bytes each at worst (U+0001 is \\u0001 in JSON): below the 1 MiB of a client's queue."""

MESSAGE_CHARS: Final = 80
"""What a message costs besides its names and text: field names, digits, punctuation."""

CHUNK: Final = 100
"""Messages read at once when as many are wanted as fit into a page."""


class Page(Struct, gc=False):
    """Some messages, oldest first, and whether there are further ones in the direction that was asked for."""

    head: Head
    messages: list[MessageEvent]
    more: bool


class Recovery(Struct, gc=False):
    """What a client gets to read when it joins.

    `recovered` is None when it did not ask; `complete` is False when more follows after `messages`.
    """

    head: Head
    messages: list[MessageEvent]
    recovered: bool | None
    complete: bool


def read_page(log: Log, query: History) -> Page:
    """Return the page that `query` asks for; raise ChatError `bad_message` for one that goes both ways."""
    if query.before is not None and query.after is not None:
        raise ChatError("bad_message", "`before` and `after` exclude each other.")
    head = log.head(query.channel)
    limit = min(query.limit, PAGE_LIMIT)
    if query.after is not None:
        start = _clamp(query.after, 0, head.seq)
        messages = _fitting(log.after(query.channel, start, limit))
        last = messages[-1].seq if messages else max(start, head.oldest - 1)
        return Page(head, messages, last < head.seq)
    end = head.seq + 1 if query.before is None else _clamp(query.before, 1, head.seq + 1)
    messages = _newest(log, query.channel, end, limit)
    first = messages[0].seq if messages else end
    return Page(head, messages, first > head.oldest)


def recover(log: Log, query: Join, limit: int) -> Recovery:
    """Return what the client of `query` reads first: at most `limit` missed messages are recovered."""
    head = head_for(log, query.channel, query.epoch, query.since)
    if query.since is not None and query.epoch == head.epoch and is_recoverable(head, query.since, limit):
        messages = read_slice(log, query.channel, query.since, head.seq)
        if follows(messages, query.since) and (messages or query.since == head.seq):
            last = messages[-1].seq if messages else query.since
            return Recovery(head, messages, True, last == head.seq)
    newest: list[MessageEvent] = []
    if head.seq >= head.oldest:  # else there is nothing to read, and asking a store for it takes 6 us
        newest = _newest(log, query.channel, head.seq + 1, min(query.history, PAGE_LIMIT))
    return Recovery(head, newest, None if query.since is None else False, True)


def head_for(log: Log, channel: str, epoch: str | None, since: int | None) -> Head:
    """Return where `channel` stands, for a client that has seen `since` of `epoch`; more perhaps than is known here."""
    head = log.head(channel)
    if since is not None and since > head.seq and epoch == head.epoch and isinstance(log, Reaching):
        log.reach(channel, since)
        return log.head(channel)
    return head


def read_slice(log: Log, channel: str, after: int, upto: int) -> list[MessageEvent]:
    """Return as many of the messages after `after`, up to and with `upto`, as fit into a page; at least one."""
    messages: list[MessageEvent] = []
    while after < upto:
        chunk = log.after(channel, after, min(CHUNK, upto - after))
        messages.extend(chunk)
        fitting = _fitting(messages)
        if not chunk or len(fitting) < len(messages):
            return fitting
        after = chunk[-1].seq
    return messages


def is_recoverable(head: Head, since: int, limit: int) -> bool:
    """Tell whether all that came after `since` is still there, and at most `limit` messages."""
    return 0 <= since <= head.seq and head.seq - since <= limit and (since == head.seq or since + 1 >= head.oldest)


def _newest(log: Log, channel: str, end: int, limit: int) -> list[MessageEvent]:
    messages = _fitting(reversed(log.before(channel, end, limit)))
    messages.reverse()
    return messages


def _fitting(messages: Iterable[MessageEvent]) -> list[MessageEvent]:
    """Return the first of `messages` that together fit into a page; at least one, where there is one."""
    fitting: list[MessageEvent] = []
    room = PAGE_CHARS
    for message in messages:
        room -= len(message.text) + len(message.user) + len(message.channel) + MESSAGE_CHARS
        if room < 0 and fitting:
            break
        fitting.append(message)
    return fitting


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def follows(messages: list[MessageEvent], seq: int) -> bool:
    """Tell whether `messages` are the ones right after `seq`, without a hole: somebody may have deleted one by hand."""
    return not messages or (messages[0].seq == seq + 1 and messages[-1].seq == seq + len(messages))
