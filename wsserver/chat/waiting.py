"""Clients that wait: what one said is still on its way into the log, and its next word must not overtake that.

With a log that answers at once nobody ever does. With any other a client that says `message`, then `leave`, has its
`leave` kept here until the message is answered for, and all that it says behind that too, in its order; its end as
well. Only what it said itself holds it up, so that a busy channel cannot hold it up for ever. A client that asks for
what lies elsewhere (`NotYet`) waits here for that alone.

Read next: `batch.py`, which raises `Unsettled` and says when to go on; `router.py`, which catches it.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from wsserver.chat.errors import ChatError
from wsserver.chat.log import NotYet
from wsserver.chat.session import Session
from wsserver.clients.router import Surroundings
from wsserver.websocket.codes import INTERNAL_ERROR

WAITING_LIMIT: Final = 10_000
"""Messages of all clients together that wait so: as many as may wait for the log itself."""

WAITING_BYTES: Final = 16 * 1024 * 1024
"""What they may take; the same bound as there."""


AT_ONCE: Final = 64
"""Clients that go on in one turn when what they waited for has come: 3 ms; 10,000 of them take turns with the rest."""


class Unsettled(Exception):
    """What came before is still on its way into the log. Nothing has been changed; try again when it has arrived."""


class Waiting:
    """What is kept back, by session. A session's `waiting` is None unless something of it lies here."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._sessions: dict[Session, None] = {}  # who waits for the log, in the order in which they came
        self._settled = False  # the log has answered for something
        self._ready: deque[Session] = deque()  # who waited for something else, and has it
        self._count = 0
        self._bytes = 0
        self._armed = False

    def __len__(self) -> int:
        """How many messages wait."""
        return self._count

    def hold(self, session: Session, size: int, again: Callable[[], None], until: NotYet | None = None) -> None:
        """Keep `again`, which carries out a message of `size` bytes, until the session may go on.

        `until`: what it waits for, if not for the log.
        Raises ChatError `store_unavailable` when too much waits already.
        """
        if self._count >= WAITING_LIMIT or self._bytes + size > WAITING_BYTES:
            raise ChatError("store_unavailable", "The store is too slow; too much waits for it. Try again.")
        self._keep(session, size, again, until)

    def hold_end(self, session: Session, again: Callable[[], None]) -> None:
        """Keep the end of a session behind what it has said. There is always room: each session ends once."""
        self._keep(session, 0, again)

    def drop(self, session: Session) -> None:
        """Forget what waits of a session that waits for something of its own: it goes on elsewhere."""
        waiting, session.waiting = session.waiting, None
        for size, _ in waiting or ():
            self._count -= 1
            self._bytes -= size

    def resume(self) -> None:
        """Let everybody go on who waits for the log and can, in the next turn."""
        if self._sessions:
            self._settled = True
            self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._surroundings.call_later(0.0, self._go_on)
            self._armed = True  # not before it is so: else nobody would ever go on

    def _wake(self, session: Session) -> None:
        """What `session` alone waited for has come."""
        self._ready.append(session)
        self._arm()

    def _keep(self, session: Session, size: int, again: Callable[[], None], until: NotYet | None = None) -> None:
        if session.waiting is None:
            session.waiting = deque()
            if until is None:
                self._sessions[session] = None
            else:
                until.when_ready(partial(self._wake, session))
        session.waiting.append((size, again))
        self._count += 1
        self._bytes += size

    def _go_on(self) -> None:
        self._armed = False
        sessions = [self._ready.popleft() for _ in range(min(AT_ONCE, len(self._ready)))]
        if self._settled:
            self._settled = False
            sessions += self._sessions
            self._sessions = {}
        for number, session in enumerate(sessions, 1):
            try:
                self._hand_in(session)
            except Exception:
                session.peer.close(INTERNAL_ERROR)  # one client's crash is nobody else's
                self._ready.extendleft(reversed(sessions[number:]))
                self.resume()
                self._rest()
                raise
        self._rest()

    def _rest(self) -> None:
        """More than a turn's worth can go on, or what failed has left the others behind: they are next."""
        if self._ready:
            self._arm()

    def _hand_in(self, session: Session) -> None:
        """Carry out what waits of one session, until it is all done or has to wait again."""
        waiting, session.waiting = session.waiting, None
        while waiting:
            size, again = waiting.popleft()
            self._count -= 1
            self._bytes -= size
            try:
                again()
            except BaseException:
                self._put_back(session, waiting)  # at least its end is still to come
                raise
            if session.waiting is not None:
                self._put_back(session, waiting)
                return

    def _put_back(self, session: Session, waiting: deque[tuple[int, Callable[[], None]]]) -> None:
        """Let the rest wait behind what had to wait again; it is still counted."""
        if session.waiting is not None:
            session.waiting.extend(waiting)
        elif waiting:
            session.waiting = waiting
            self._sessions[session] = None
