"""Commands and their replies: sent as they come, answered in order, each within five seconds.

    call(command, done) --> [ PUBLISH | EVALSHA | HKEYS | ... ]  --> Redis
                 done(reply) <-- the oldest of those that wait <----

Redis answers on one connection in the order of the questions, so a queue is all it takes. When the oldest has waited
too long the connection is dropped: behind it nobody would know any more whose answer is whose.

Read next: `redis_link.py`; `redis_scripts.py` for what is run inside Redis.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import hiredis

from wsserver.brokers.redis_errors import TEMPORARY, code_of, explain
from wsserver.brokers.redis_link import Link
from wsserver.reactor.deadline import Deadline
from wsserver.reactor.loop import Reactor

REPLY_LIMIT_S: Final = 5.0
"""Redis answers within a millisecond, or something is wrong with it; so long a joining client can wait."""

PENDING_LIMIT: Final = 200_000
"""Commands on their way: some 100 bytes each here. More are refused as if there were no link."""


class LinkDown(Exception):
    """The command was not answered. `sent`: it may have been carried out."""

    def __init__(self, sentence: str, sent: bool) -> None:
        super().__init__(sentence)
        self.sent = sent


Done = Callable[[Any], None]
"""Called once with the reply: a value, a `hiredis.ReplyError`, or a `LinkDown`."""


def ignore(_reply: Any) -> None:
    """For a command whose reply nobody needs."""


class Commands:
    """The link that carries commands. It is made first, and then given its link."""

    link: Link

    def __init__(self, reactor: Reactor, on_up: Callable[[], None], on_down: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._on_up = on_up
        self._on_down = on_down
        self._waiting: deque[tuple[float, Done]] = deque()  # when it is overdue, and who is told
        self._deadline = Deadline(reactor.timers, self._on_overdue)
        self.complaint: str | None = None  # why Redis refuses what it is asked for, while the link is good

    @property
    def up(self) -> bool:
        """Whether commands can be sent."""
        return self.link.up

    @property
    def waiting(self) -> int:
        """How many commands are on their way."""
        return len(self._waiting)

    def call(self, command: tuple[Any, ...], done: Done = ignore) -> None:
        """Send `command`; `done` is called later with what came of it."""
        if not self.link.up or len(self._waiting) >= PENDING_LIMIT:
            sentence = self.link.trouble or "too many commands are on their way"
            self._reactor.call_soon(partial(done, LinkDown(sentence, False)))
            return
        self._expect(done)
        self.link.send(*command)

    def close(self) -> None:
        """Let what was sent leave; nobody is called back any more."""
        self._waiting.clear()
        self._deadline.retire()
        self.link.close()

    # -- what the link says -----------------------------------------------------------------------------------------

    def on_ping_sent(self) -> None:
        """A PING has its reply too."""
        self._expect(ignore)

    def on_up(self) -> None:
        self.complaint = None
        self._on_up()

    def on_down(self, sentence: str) -> None:
        """Whoever waits is told, when nobody iterates over anything."""
        waiting, self._waiting = self._waiting, deque()
        self._deadline.clear()
        for _, done in waiting:
            self._reactor.call_soon(partial(done, LinkDown(sentence, True)))
        self._on_down(sentence)

    def on_reply(self, reply: Any) -> None:
        if not self._waiting:
            self.link.drop("Redis has answered what nobody asked")
            return
        done = self._waiting.popleft()[1]
        if self._waiting:
            self._deadline.due = self._waiting[0][0]
        if isinstance(reply, hiredis.ReplyError):
            self._judge(reply)
        done(reply)

    def _expect(self, done: Done) -> None:
        due = self._reactor.now + REPLY_LIMIT_S
        if not self._waiting:
            self._deadline.move(due)
        self._waiting.append((due, done))

    def _judge(self, error: Exception) -> None:
        """An error that says something about Redis, and not about one command, is remembered or ends the link."""
        code = code_of(error)
        if code in TEMPORARY:
            self.complaint = f"Redis refuses to write: {explain(error)}"
        elif code in ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "MOVED", "CLUSTERDOWN", "CROSSSLOT"):
            self.link.drop(f"Redis cannot be used: {explain(error)}")

    def _on_overdue(self) -> None:
        """The timer is left alone when the last reply comes, so it may find that nobody waits."""
        if not self._waiting:
            return
        self.link.drop(f"Redis has not answered for {REPLY_LIMIT_S:g} s")
