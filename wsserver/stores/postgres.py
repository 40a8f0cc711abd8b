"""The log in PostgreSQL, which any number of nodes share: a `RemoteLog`.

Two links, so that reading never waits behind a commit. A batch is one call of a function and one transaction
(`postgres_statements.py`). When the link breaks under a batch nobody knows whether it is stored; so it is sent again by
the next link, with the number it had, and the database stores it or says what it said the first time. Only when no link
has come for UNKNOWN_S is the batch refused, and the log is told that this is a guess.

    append ---> Parcel ---> writer ---> answered            done(what became of it)
                  ^            | refused: in the way        sent again, a few times
                  |            | refused                    done(StoreUnavailable)
                  +------------+ lost                       sent again by the next link

Read next: `postgres_link.py`; `postgres_batch.py`; `postgres_upkeep.py` for what is forgotten.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec
from psycopg import pq

from wsserver.chat.log import Done, Doubtful, Head, Outcome, Publication, StoreUnavailable
from wsserver.chat.remote_log import Glance, Glanced, Read
from wsserver.chat.vocabulary import MessageEvent
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.reactor.timers import Timer
from wsserver.stores.base import Reporter
from wsserver.stores.postgres_batch import Parcel
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_errors import AGAIN, TOO_SLOW, LinkLost
from wsserver.stores.postgres_link import STATEMENT_S, Answer, Link, Parameters
from wsserver.stores.postgres_schema import check
from wsserver.stores.postgres_statements import VERSION
from wsserver.stores.postgres_text import escape, unescape
from wsserver.stores.postgres_upkeep import Upkeep

UNKNOWN_S: Final = 30.0
"""A database that fails over or starts again is back by then; clients have long asked again, with the same key."""

TRIES: Final = 5
"""Of a batch that others were in the way of. Each try waits for who was there first, so a second is rare."""

WRITER_BYTES: Final = 16

_SETTINGS: Final = (
    "SELECT set_config('synchronous_commit', $1, false), set_config('statement_timeout', $2, false), "
    "set_config('lock_timeout', $2, false), set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)"
)
"""Everything is found by an index. A plan that was made while a table was small would go through all of it when it is
large, until the database has counted it anew; and no plan here is worth compiling."""


class PostgresLog:
    """All channels with a history, of all nodes. Nothing here blocks once it is made."""

    announces = False
    """Other nodes hear of messages from the broker (`chat/remote_log.py`)."""

    def __init__(
        self,
        reactor: Reactor,
        offload: Offload,
        reporter: Reporter,
        url: str,
        history_of: Callable[[str], int],
        history_age_s: float = 0.0,
        power: bool = False,
    ) -> None:
        """Judge the database at `url`, which may take some seconds, and begin to connect.

        `history_of(channel)` is how many messages a channel keeps; what is older than `history_age_s` goes too (0: no
        limit). `power`: an ack waits for the standbys that the database waits for. Raises StoreUnavailable.
        """
        # configuration
        self._reactor = reactor
        self._reporter = reporter
        self._history_of = history_of
        self._writer_id = reactor.world.random_bytes(WRITER_BYTES).hex()
        conninfo = Conninfo(url)
        check(conninfo)
        # state
        self.epoch = ""  # of what was answered last: while `done` of a batch is called, the one that it is stored in
        self._batches = 0
        self._parcel: tuple[Parcel, Done] | None = None  # the batch that is on its way
        self._tries = 0
        self._unknown: Timer | None = None  # gives up asking after a batch
        self._reported = False
        self._writer = self._link(offload, conninfo, "SELECT wsserver.enter($1)", [self._writer_id.encode()], power)
        self._reader = self._link(offload, conninfo, "SELECT version FROM wsserver.store", [], power)
        self._upkeep = Upkeep(reactor, self._reader, history_of, history_age_s)
        for link in (self._writer, self._reader):
            link.start()

    def _link(self, offload: Offload, conninfo: Conninfo, enter: str, values: Parameters, power: bool) -> Link:
        timeout = b"%d" % round(STATEMENT_S * 1000)
        settings = (_SETTINGS, [b"on" if power else b"local", timeout])
        greeting = (settings, (enter, values))
        return Link(self._reactor, offload, conninfo, greeting, VERSION, self._on_up, self._on_down)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now; None when all is well."""
        return self._writer.down_because or self._reader.down_because

    # -- writing ----------------------------------------------------------------------------------------------------

    def append(self, batch: Sequence[Publication], done: Done) -> None:
        """Store all of `batch` or nothing (`RemoteLog.append`)."""
        assert self._parcel is None, "one batch at a time"
        if not batch:
            self._reactor.call_soon(partial(done, []))
            return
        self._batches += 1
        self._tries = 0
        self._parcel = Parcel(batch, self._writer_id, self._batches), done
        self._send()

    def _send(self) -> None:
        assert self._parcel is not None
        parcel = self._parcel[0]
        self._writer.ask("append", parcel.parameters, partial(self._on_appended, parcel))

    def _on_appended(self, parcel: Parcel, answer: Answer) -> None:
        if self._parcel is None or self._parcel[0] is not parcel:
            return  # it was given up, and the answer comes from a link that was not
        if isinstance(answer, LinkLost):
            if self._unknown is None:
                self._unknown = self._reactor.call_later(UNKNOWN_S, self._give_up)
        elif isinstance(answer, Exception):
            self._on_refused(answer.code, str(answer))
        else:
            self._on_answer(parcel, answer)

    def _on_answer(self, parcel: Parcel, answer: pq.abc.PGresult) -> None:
        try:
            stored = parcel.open(answer.get_value(0, 0) or b"")
            self.epoch = (answer.get_value(0, 1) or b"").decode()
        except msgspec.DecodeError:
            self._finish(StoreUnavailable("the database gave an answer that is none"))
            self._writer.give_up("the database gave an answer that is none")
            return
        for one in stored:
            if not one.duplicate:
                self._upkeep.note(one.message.channel, one.message.seq)
        self._finish(stored)

    def _on_refused(self, code: str, sentence: str) -> None:
        self._tries += 1
        if code in AGAIN and self._tries < TRIES:
            self._send()
            return
        if code in TOO_SLOW and self._unknown is not None:
            self._send()  # it may have waited for its first self, which is still at it
            return
        self._finish(StoreUnavailable(sentence))
        if code not in AGAIN and code not in TOO_SLOW and self._writer.up:
            # Its disk is full, it has become a standby, its tables are gone. A new link writes when it begins, so it
            # is up when writing works, and not earlier.
            self._writer.give_up(sentence)

    def _give_up(self) -> None:
        assert self._parcel is not None
        count = len(self._parcel[0].batch)
        self._unknown = None
        self._reporter.trouble(f"it is not known whether {count} messages were stored: they were refused")
        self._finish(Doubtful("the database was lost while it stored the message, which may be there or not"))

    def _finish(self, outcome: Outcome) -> None:
        assert self._parcel is not None
        done = self._parcel[1]
        self._parcel = None
        if self._unknown is not None:
            self._unknown.cancel()
            self._unknown = None
        self._tell(partial(done, outcome))

    # -- reading ----------------------------------------------------------------------------------------------------

    def glance(self, channel: str, limit: int, done: Glanced) -> None:
        """Read where a channel stands and its newest messages (`RemoteLog.glance`)."""
        self.glance_since(channel, limit, 0, done)

    def glance_since(self, channel: str, limit: int, since: int, done: Glanced) -> None:
        """Do the same, but leave out messages before number `since`."""
        limit = max(0, min(limit, self._history_of(channel)))
        parameters = [escape(channel).encode(), b"%d" % limit, b"%d" % since]
        self._reader.ask("glance", parameters, partial(self._on_glanced, channel, done))

    def _on_glanced(self, channel: str, done: Glanced, answer: Answer) -> None:
        if isinstance(answer, Exception):
            self._tell(partial(done, StoreUnavailable(str(answer))))
            return
        cell = answer.get_value
        epoch, seq, oldest = cell(0, 0), int(cell(0, 1) or 0), int(cell(0, 2) or 1)
        assert epoch is not None
        self.epoch = epoch.decode()
        head = Head(self.epoch, seq, max(oldest, seq - self._history_of(channel) + 1))
        messages = [] if cell(0, 3) is None else _messages(channel, answer, 3)
        self._tell(partial(done, Glance(head, messages)))

    def read(self, channel: str, first: int, last: int, done: Read) -> None:
        """Read the kept messages from `first` to `last` (`RemoteLog.read`)."""
        if last < first:
            self._reactor.call_soon(partial(done, []))
            return
        parameters = [escape(channel).encode(), b"%d" % max(0, first), b"%d" % min(last, (1 << 63) - 1)]
        self._reader.ask("read", parameters, partial(self._on_read, channel, done))

    def _on_read(self, channel: str, done: Read, answer: Answer) -> None:
        if isinstance(answer, Exception):
            self._tell(partial(done, StoreUnavailable(str(answer))))
        else:
            self._tell(partial(done, _messages(channel, answer, 0)))

    # -- coming and going -------------------------------------------------------------------------------------------

    def _on_up(self) -> None:
        if self._parcel is not None and self._unknown is not None and self._writer.up:
            self._send()
        if self._reported and self.trouble is None:
            self._reported = False
            self._reporter.recovered()

    def _on_down(self, sentence: str) -> None:
        if not self._reported:
            self._reported = True
            self._reporter.trouble(sentence)

    def _tell(self, callback: Callable[[], None]) -> None:
        """Call whoever asked; a mistake of theirs is not the link's."""
        try:
            callback()
        except Exception as error:
            self._reactor.report(error)

    def close(self) -> None:
        """Let go of both links (`RemoteLog.close`)."""
        if self._unknown is not None:
            self._unknown.cancel()
        self._parcel = None
        self._upkeep.close()
        for link in (self._writer, self._reader):
            link.close()


def _messages(channel: str, rows: pq.abc.PGresult, column: int) -> list[MessageEvent]:
    """Return the messages of a result whose columns from `column` on are seq, user, text, ts."""
    cell, found = rows.get_value, []
    for row in range(rows.ntuples):
        seq, user, text, ts = (cell(row, column + index) or b"" for index in range(4))
        found.append(MessageEvent(channel, int(seq), unescape(user.decode()), unescape(text.decode()), int(ts)))
    return found
