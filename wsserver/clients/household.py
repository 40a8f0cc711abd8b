"""What all clients of one server share, so that each of them carries one reference and not ten.

Read next: `client.py`; `registry.py`, which makes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsserver.clients.limits import ClientLimits, Rate
from wsserver.clients.site import Site
from wsserver.clients.tally import Tally
from wsserver.http.forwarded import TrustedProxies
from wsserver.reactor.loop import Reactor
from wsserver.reactor.wheel import Wheel
from wsserver.websocket.deflate import Terms

if TYPE_CHECKING:
    from wsserver.clients.client import Client


@dataclass(slots=True)
class Household:
    """One for each server."""

    reactor: Reactor
    site: Site
    limits: ClientLimits
    message_rate: Rate | None
    """None: messages are not limited."""
    ping_rate: Rate
    compression: Terms | None
    """What we agree on of permessage-deflate; None: it is off."""
    ids: Iterator[str]
    """Gives each client that becomes OPEN its own, and has no end."""
    http_date: Callable[[], str]
    """The Date of HTTP answers."""
    on_gone: Callable[["Client"], None]
    """Told once for each client, when it enters GONE."""
    on_buried: Callable[["Client"], None]
    """Told once for each client, when its fd is closed."""
    proxies: TrustedProxies | None
    """Whose word is taken on where a client comes from; None: nobody's."""
    relocate: Callable[["Client", str], None]
    """Told where a client comes from that a proxy speaks for: it counts there. Raises RequestError 429."""
    send_away: Callable[[int, int, bytes], bool] = lambda _worker, _fd, _baggage: False
    """Hands a socket to another worker of this server, with what it has to know; False: it could not be taken."""
    tally: Tally = field(default_factory=Tally)
    """What has become of all who were here."""
    wheel: Wheel = field(init=False)
    """Keeps the deadline of every client."""

    def __post_init__(self) -> None:
        """Furnish the house with what needs nothing but the reactor."""
        self.wheel = Wheel(self.reactor)
