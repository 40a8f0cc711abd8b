"""Who is here under which name: a user is a name that one or more clients carry.

In open mode the first name that a connection gives is its name, and a connection that gives none gets a guest's; in
token mode it is that of the token. It does not know channels; who is in one is `presence.py`'s.

Read next: `messaging.py`, which finds the receivers of a direct message here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from wsserver.chat.errors import ChatError
from wsserver.chat.names import judge_name
from wsserver.chat.session import Session

GUEST_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters, none of which looks like another when read aloud or in a small font."""

GUEST_TRIES: Final = 8
"""A million guest names; with half of them taken, eight draws still find a free one 255 times in 256."""


class Users:
    """The clients of every user."""

    __slots__ = ("_clients", "_random_bytes")

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        # Tuples: nearly every user has one client, and a tuple of one is a quarter of a set of one.
        self._clients: dict[str, tuple[Session, ...]] = {}

    def __len__(self) -> int:
        """How many users are here."""
        return len(self._clients)

    def identify(self, session: Session, wanted: str | None = None) -> str:
        """Return the name of `session`, after giving it `wanted` (or a guest's name) if it has none yet.

        Raises ChatError `bad_message` when `wanted` is no good name, or not the one that the session has; `name_taken`
        when that one is its token's.
        """
        if session.user is None:
            if wanted is not None:
                judge_name(wanted, "user")
            session.user = wanted if wanted is not None else self._guest()
            self._clients[session.user] = (*self._clients.get(session.user, ()), session)
        elif wanted is not None and wanted != session.user:
            if session.grant is not None:
                raise ChatError("name_taken", f"`user`: your token is for {session.user!r} and for no other name.")
            raise ChatError("bad_message", f"`user`: this connection is {session.user!r} and cannot change its name.")
        return session.user

    def forget(self, session: Session) -> None:
        """Forget a session that has gone."""
        if session.user is None:
            return
        left = tuple(other for other in self._clients.get(session.user, ()) if other is not session)
        if left:
            self._clients[session.user] = left
        else:
            self._clients.pop(session.user, None)

    def clients(self, user: str) -> Sequence[Session]:
        """Return the sessions of `user`; empty when nobody has that name."""
        return self._clients.get(user, ())

    def clients_of_all(self, users: Iterable[str]) -> Iterable[Session]:
        """Return the sessions of `users`, each once; names that nobody has are skipped."""
        return [session for user in dict.fromkeys(users) for session in self._clients.get(user, ())]

    def _guest(self) -> str:
        for _ in range(GUEST_TRIES):
            name = "guest-" + "".join(GUEST_ALPHABET[byte & 31] for byte in self._random_bytes(4))
            if name not in self._clients:
                break
        return name
