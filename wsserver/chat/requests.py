"""Request and response: methods that a client may call by name, and the embedding program may add.

    router.requests.register("add", lambda caller, params: params["a"] + params["b"])

A handler runs in the reactor's thread and must not block. What it raises is its own trouble: the client gets
`internal`, the log gets the trace, and the server goes on.

Read next: `methods.py`, the methods that come with the chat.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wsserver.chat.errors import ChatError
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Request, Response

_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the client's id and address, and its user (None while it has no name)."""

    client: str
    address: str
    user: str | None
    covers: Callable[[str], bool] = field(default=lambda _channel: True, compare=False, repr=False)
    """Tells whether its token, where one was asked for, reaches as far as a channel."""


class Later:
    """In place of a result: it comes later, or at once. `begin(done)` has `done` called with it."""

    def __init__(self, begin: Callable[[Callable[[Any], None]], None]) -> None:
        self.begin = begin


Handler = Callable[[Caller, Any], Any]
"""Takes the caller and `params` (None when there were none), returns what JSON can write; may raise ChatError."""


class Requests:
    """The methods by name."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def register(self, method: str, handler: Handler) -> None:
        """Add a method; raises ValueError when there is one of that name."""
        if method in self._handlers:
            raise ValueError(f"there is a method {method!r} already")
        self._handlers[method] = handler

    def request(self, session: Session, command: Request) -> None:
        """Call the method, send the response. Raises ChatError: `unknown_method`, `internal`, or the handler's own."""
        handler = self._handlers.get(command.method)
        if handler is None:
            raise ChatError("unknown_method", f"There is no method {command.method[:64]!r}.")
        peer = session.peer
        try:
            result = handler(Caller(peer.id, peer.address, session.user, session.covers), command.params)
            if isinstance(result, Later):
                result.begin(lambda later: session.send(Response(later, id=command.id)))
                return
            payload = session.codec.encode(Response(result, id=command.id))  # fails for what JSON cannot write
        except ChatError:
            raise
        except Exception:
            _logger.exception("the method %r failed", command.method)
            raise ChatError("internal", f"The method {command.method!r} failed; the server has noted why.") from None
        peer.send(payload, session.codec.opcode)
