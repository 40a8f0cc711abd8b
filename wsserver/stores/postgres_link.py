"""One connection to PostgreSQL that never makes anybody wait, is given up when it does not answer, and comes back.

    resting --(a moment of back-off)--> resolving --> connecting --> entering --> up
       ^                                    |             |             |         |
       +---------- failed, lost, or no answer within ANSWER_S --------------------+

libpq's own calls that do not block (libpq manual, "Asynchronous Command Processing", "Pipeline Mode"), its socket
watched by the reactor. Each question is a transaction of its own, with a Sync behind it, so an error is nobody else's.
After a question without an answer the connection is thrown away: the answer might come later and be taken for that to
another.

libpq opens and closes sockets as it sees fit, in the middle of a turn. So what is watched is a duplicate of its fd
(dup(2)), which is ours: it is closed where all fds are closed, and nobody else can have its number before that.

Read next: `postgres.py`, which asks; `postgres_conninfo.py`; `postgres_errors.py`.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from psycopg import OperationalError, pq

from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.reactor.poller import READ, WRITE
from wsserver.reactor.timers import Timer
from wsserver.resilience.backoff import Backoff
from wsserver.stores.postgres_conninfo import Conninfo
from wsserver.stores.postgres_errors import LinkLost, Refused, refusal
from wsserver.stores.postgres_statements import STATEMENTS

ANSWER_S: Final = 5.0
"""No answer for so long: the database is frozen, or the way to it is cut. Clients have given up by then, too."""

STATEMENT_S: Final = 4.5
"""The database gives up by itself a little earlier: then its answer is certain, and the link stays."""

RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 10.0
"""A database that starts again is back within a second; one that is down is not asked by everybody all the time."""

Result = pq.abc.PGresult
Answer = Result | Refused | LinkLost
Answered = Callable[[Answer], None]
Parameters = Sequence[bytes | None]


class _Waiting:
    """A question that was sent: who is told, the timer that gives up, and what has come of it so far."""

    __slots__ = ("answer", "done", "timer")

    def __init__(self, done: Answered, timer: Timer) -> None:
        self.done = done
        self.timer = timer
        self.answer: Answer | None = None


class _Husk:
    """An fd of ours that is to be closed at the end of the turn."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def bury(self) -> None:
        os.close(self._fd)


class Link:
    """Asks, and says when it is up and when it is down."""

    def __init__(
        self,
        reactor: Reactor,
        offload: Offload,
        conninfo: Conninfo,
        greeting: Sequence[tuple[str, Parameters]],
        version: int,
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """`greeting` are statements with their parameters, said first; the last one's answer has to be `version`.

        Questions that come before the first attempt is over wait for it.
        """
        # configuration
        self._reactor = reactor
        self._offload = offload
        self._conninfo = conninfo
        self._greeting = greeting
        self._version = version
        self._on_up = on_up
        self._on_down = on_down
        # state
        self.up = False
        self.down_because: str | None = None  # None: up, or never tried yet
        self._early: list[tuple[str, Parameters, Answered]] | None = []
        self._conn: pq.abc.PGconn | None = None
        self._fd = -1  # what is watched
        self._interest = 0
        self._waiting: deque[_Waiting] = deque()
        self._timer: Timer | None = None  # of the attempt, or of the rest before the next
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S, reactor.world.uniform)
        self._closed = False
        # statistics
        self.attempts = 0

    # -- what others call -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._timer = None
        if self._closed:
            return
        self.attempts += 1
        if self._conninfo.needs_resolving:
            self._offload.run(partial(self._conninfo.resolve, self._reactor.world.resolve_tcp), self._on_resolved)
        else:
            self._on_resolved(self._conninfo.render())

    def ask(self, statement: str, parameters: Parameters, done: Answered) -> None:
        """Ask one of STATEMENTS; `done` is called later, once: with its result, or Refused, or LinkLost."""
        if self.up:
            self._send(statement, parameters, done)
        elif self._early is not None:
            self._early.append((statement, parameters, done))
        else:
            self._reactor.call_soon(partial(done, self._refusal()))

    def give_up(self, sentence: str) -> None:
        """Throw the connection away and make another. What was asked is answered with LinkLost."""
        if not self._closed:
            self._lose(sentence)

    def close(self) -> None:
        """Let go. Nobody is called any more."""
        self._closed = True
        self._early = None
        for waiting in self._waiting:
            waiting.timer.cancel()
        self._waiting.clear()
        self._drop()

    # -- connecting -------------------------------------------------------------------------------------------------

    def _on_resolved(self, conninfo: bytes | Exception) -> None:
        if self._closed:
            return
        if isinstance(conninfo, Exception):
            self._lose(f"the database's host cannot be found ({conninfo})")
            return
        self._timer = self._reactor.call_later(ANSWER_S, partial(self._lose, "the database does not answer"))
        self._conn = conn = pq.PGconn.connect_start(conninfo)
        conn.notice_handler = None
        if conn.status == pq.ConnStatus.BAD:
            self._lose(_reason(conn))
        else:
            self._watch(WRITE)

    def _connect_on(self, conn: pq.abc.PGconn) -> None:
        """Take the next step of connecting; the socket may be another one after it."""
        status = conn.connect_poll()
        if status == pq.PollingStatus.READING:
            self._watch(READ)
        elif status == pq.PollingStatus.WRITING:
            self._watch(WRITE)
        elif status == pq.PollingStatus.OK:
            self._enter(conn)
        else:
            self._lose(_reason(conn))

    def _enter(self, conn: pq.abc.PGconn) -> None:
        """Say who we are, and have all statements prepared, in one go."""
        conn.nonblocking = 1
        conn.enter_pipeline_mode()
        self._watch(READ)
        for name, statement in STATEMENTS.items():
            conn.send_prepare(name.encode(), statement.encode())
        for statement, parameters in self._greeting:
            conn.send_query_params(statement.encode(), parameters)
        self._await(self._on_entered)

    def _on_entered(self, answer: Answer) -> None:
        if isinstance(answer, Exception):
            self._lose(str(answer))
            return
        version = int(answer.get_value(0, 0) or -1)
        if version != self._version:
            self._lose(
                f"the database has schema {version}, this wsserver needs {self._version}; run `wsserver migrate`"
            )
            return
        self._clear_timer()
        self._backoff.reset()
        self.up = True
        self.down_because = None
        early, self._early = self._early or (), None
        for question in early:
            self.ask(*question)
        self._on_up()

    # -- asking and answering ---------------------------------------------------------------------------------------

    def _send(self, statement: str, parameters: Parameters, done: Answered) -> None:
        conn = self._conn
        assert conn is not None
        try:
            conn.send_query_prepared(statement.encode(), parameters)
        except OperationalError as error:  # it is lost already, and we hear of it here first
            sentence = f"the connection to the database is lost ({_first_line(error)})"
            self._reactor.call_soon(partial(done, LinkLost(sentence)))
            self._reactor.call_soon(partial(self._lose_this, conn, sentence))
            return
        self._await(done)

    def _await(self, done: Answered) -> None:
        """Put a Sync behind what was sent, and `done` into the row of those who wait."""
        conn = self._conn
        assert conn is not None
        timer = self._reactor.call_later(ANSWER_S, partial(self._lose, "the database does not answer"))
        self._waiting.append(_Waiting(done, timer))
        try:
            conn.pipeline_sync()
        except OperationalError:
            self._reactor.call_soon(partial(self._lose_this, conn, "the connection to the database is lost"))
            return
        self._flush(conn)

    def on_events(self, mask: int) -> None:
        """The socket has news (`reactor/loop.py`)."""
        conn = self._conn
        if conn is None:
            return
        if not conn.nonblocking:  # it is connecting still
            self._connect_on(conn)
            return
        lost: str | None = None
        try:
            if mask & ~WRITE:
                conn.consume_input()
        except OperationalError as error:
            lost = f"the connection to the database is lost ({_first_line(error)})"
        self._take_answers(conn)
        if lost is not None:
            self._lose_this(conn, lost)
        elif self._conn is conn:
            self._flush(conn)

    def _take_answers(self, conn: pq.abc.PGconn) -> None:
        blanks = 0
        while self._waiting and self._conn is conn and not conn.is_busy():
            result = conn.get_result()
            if result is None:  # behind each result there is one; two of them: there is nothing more to come
                blanks += 1
                if blanks > 1:
                    return
                continue
            blanks = 0
            waiting = self._waiting[0]
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._waiting.popleft()
                waiting.timer.cancel()
                assert waiting.answer is not None
                waiting.done(waiting.answer)
            elif isinstance(waiting.answer, Exception):
                pass  # the rest of what failed
            elif result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
                waiting.answer = result
            else:
                waiting.answer = refusal(result)

    def _flush(self, conn: pq.abc.PGconn) -> None:
        try:
            self._set_interest(READ | WRITE if conn.flush() else READ)
        except OperationalError:
            # What the other side said before it went may still be there to read.
            self._set_interest(READ)

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: begin anew."""
        self._lose("the server made a mistake")

    # -- the end of a connection ------------------------------------------------------------------------------------

    def _lose_this(self, conn: pq.abc.PGconn, sentence: str) -> None:
        if self._conn is conn:
            self._lose(sentence)

    def _lose(self, sentence: str) -> None:
        """Throw the connection away, say so, and rest before the next."""
        if self._closed:
            return
        self._drop()
        self.up = False
        self.down_because = sentence
        self._timer = self._reactor.call_later(self._backoff.next(), self.start)
        waiting, self._waiting = self._waiting, deque()
        early, self._early = self._early or (), None
        for one in waiting:
            one.timer.cancel()
        for one in waiting:
            if one.done != self._on_entered:
                one.done(LinkLost(sentence))
        for _, _, done in early:
            done(self._refusal())
        self._on_down(sentence)

    def _drop(self) -> None:
        self._clear_timer()
        conn, self._conn = self._conn, None
        if conn is not None:
            self._unwatch()
            conn.finish()

    def _refusal(self) -> Refused:
        return Refused("08003", self.down_because or "the database is not connected")

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the socket -------------------------------------------------------------------------------------------------

    def _watch(self, interest: int) -> None:
        assert self._conn is not None
        self._unwatch()
        self._fd, self._interest = os.dup(self._conn.socket), interest
        self._reactor.watch(self._fd, interest, self)

    def _set_interest(self, interest: int) -> None:
        if self._fd >= 0 and self._interest != interest:
            self._interest = interest
            self._reactor.poller.modify(self._fd, interest)

    def _unwatch(self) -> None:
        if self._fd >= 0:
            self._reactor.unwatch(self._fd)
            self._reactor.bury(_Husk(self._fd))
            self._fd = -1


def _reason(conn: pq.abc.PGconn) -> str:
    return _shorten(conn.get_error_message())


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _shorten(message: str) -> str:
    """Return libpq's words as a part of one sentence: several hosts have a line each."""
    return "; ".join(line.strip() for line in message.strip().splitlines() if line.strip()) or "the connection is lost"
