"""Token mode: who has shown a good token may speak; who has not in time, or whose token has run out, has to go.

    on_open -> locked --- auth, or the token of the upgrade ---> admitted --- auth: a newer token ---> admitted
                 |                                                  |
                 +-- `auth_timeout_s` over: 4501                    +-- token expired: 4501
                 +-- bad token: 4501                                +-- bad token: 4501

A locked client costs a session and a timer and is nowhere else: it hears no broadcast and has no name. It may say
`auth` and `ping`; the answer to anything else is `auth_required`. A token is judged at once, so nothing of a locked
client ever waits. No token is kept: what one grants is (`authority.py`).

Read next: `router.py`, which asks at the door; `access/tokens.py`, for what a good token is.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from wsserver.chat.authority import Authority, BadToken, Grant
from wsserver.chat.errors import ChatError
from wsserver.chat.rooms import Rooms
from wsserver.chat.session import Commands, Session
from wsserver.chat.settings import ChatSettings
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import Ack, Auth, Command, Ping
from wsserver.clients.router import Surroundings, Timer
from wsserver.websocket.codes import UNAUTHENTICATED

LOCKED_MESSAGE: Final = 4096
"""Bytes in one message of a locked client: room for a token with some claims, as header limits of proxies allow."""

LOOK_AGAIN_S: Final = 60.0
"""A token expires by the wall clock, which may be set, and timers run on one that stops while a machine sleeps."""


class Gate:
    """Lets sessions in and shows them out."""

    def __init__(
        self,
        surroundings: Surroundings,
        authority: Authority,
        users: Users,
        rooms: Rooms,
        settings: ChatSettings,
        admit: Callable[[Session], None],
    ) -> None:
        """`admit` is called once for each session that may speak, when it may."""
        self._surroundings = surroundings
        self._authority = authority
        self._users = users
        self._rooms = rooms
        self._settings = settings
        self._admit = admit
        self._timers: dict[Session, Timer] = {}  # one for each session: of the timeout, or of its token's end

    def lock(self, commands: Commands, ping: Callable[[Session, Ping], None]) -> Commands:
        """Return `commands` as they are for who has shown no token."""
        return {**dict.fromkeys(commands, _demand_token), Auth: self.auth, Ping: ping}

    def wait(self, session: Session) -> None:
        """Give a locked session its time to show a token."""
        session.peer.limit_messages(min(LOCKED_MESSAGE, self._settings.max_message))
        self._arm(session, self._settings.auth_timeout_s)

    def enter(self, session: Session, token: str) -> None:
        """Admit a session that showed a token in its upgrade. Raises BadToken."""
        self._grant(session, self._authority.judge(token, session.peer.address))

    def take_over(self, session: Session, grant: Grant | None) -> None:
        """Admit a session that has shown its token to another worker; one that has not is given its time anew."""
        if grant is None:
            self.wait(session)
        else:
            self._grant(session, grant)

    def auth(self, session: Session, command: Auth) -> None:
        """Admit a session, or let it go on with a newer token; a bad one ends it (4501).

        Raises ChatError `name_taken` for a newer token of another user; the older one stays.
        """
        try:
            grant = self._authority.judge(command.token, session.peer.address)
        except BadToken as error:
            session.peer.close(error.code, error.reason)
            return
        if session.grant is not None and grant.user != session.user:
            raise ChatError("name_taken", f"This connection is {session.user!r}'s; open another one for that token.")
        self._grant(session, grant)
        session.send(Ack(id=command.id))

    def forget(self, session: Session) -> None:
        """Forget a session that has gone."""
        timer = self._timers.pop(session, None)
        if timer is not None:
            timer.cancel()

    def _grant(self, session: Session, grant: Grant) -> None:
        new = session.grant is None
        session.grant = grant
        self._arm(session, self._left_s(grant))
        if new:
            session.peer.limit_messages(self._settings.max_message)
            self._users.identify(session, grant.user)
            self._admit(session)
        else:
            self._rooms.leave_uncovered(session)

    def _left_s(self, grant: Grant) -> float:
        return max(0.0, (grant.expires_ms - self._surroundings.wall_ms()) / 1000)

    def _arm(self, session: Session, delay_s: float) -> None:
        self.forget(session)
        delay_s = min(delay_s, LOOK_AGAIN_S) if session.grant is not None else delay_s
        self._timers[session] = self._surroundings.call_later(delay_s, partial(self._on_timer, session))

    def _on_timer(self, session: Session) -> None:
        if session.grant is None:
            session.peer.close(UNAUTHENTICATED, "no token was shown in time")
            return
        left_s = self._left_s(session.grant)
        if left_s > 0:
            self._arm(session, left_s)
        else:
            session.peer.close(UNAUTHENTICATED, "the token has expired")


def _demand_token(_session: Session, _command: Command) -> None:
    raise ChatError("auth_required", "Show a token first: send `auth` with a `token`.")
