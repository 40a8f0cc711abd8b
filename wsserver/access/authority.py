"""Judges the tokens that clients show, and stops looking at those of an address that shows too many bad ones.

Guessing a signature is hopeless; what the limit saves is the work of judging, and the log. An address that is over it
is told to come back later (4029), for the person who has a good token there has done nothing wrong. Loopback and Unix
sockets are not limited: what comes from there is a proxy's, and would have everybody pay for one.

Read next: `tokens.py`, for what makes a token good.
"""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol

from wsserver.chat.authority import BadToken, Grant
from wsserver.clients.limits import Rate
from wsserver.websocket.codes import RATE_LIMITED

ADDRESSES: Final = 10_000
"""Addresses that are remembered, 150 bytes each. Beyond them the one that was bad longest ago is forgotten."""


class Verifies(Protocol):
    """The part of a verifier that is needed here."""

    def verify(self, token: str, now_ms: int) -> Grant:
        """Return what the token grants at `now_ms`. Raises BadToken."""


class BadTokens:
    """How often an address has been wrong lately: `per_minute` times in the long run, and as often at once."""

    def __init__(self, per_minute: float) -> None:
        """0: as often as it likes."""
        self._rate = Rate(per_minute / 60, per_minute) if per_minute else None
        self._full_at: dict[str, float] = {}  # see limits.Rate; the address that was wrong last stands last

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._full_at)

    def is_over(self, address: str, now: float) -> bool:
        """Tell whether one more bad token from `address` (as in `Peer.address`) would be too many."""
        rate = self._rate
        if rate is None:
            return False
        source = source_of(address)
        return source in self._full_at and not rate.allows(rate.charge(self._full_at[source], now), now)

    def note(self, address: str, now: float) -> None:
        """Count a bad token."""
        source = source_of(address)
        if self._rate is None or not source:
            return
        self._full_at[source] = self._rate.charge(self._full_at.pop(source, now), now)
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget addresses that have rested, the oldest first, and more of them when there are too many."""
        while self._full_at:
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] > now and len(self._full_at) <= ADDRESSES:
                return
            del self._full_at[oldest]


class TokenAuthority:
    """What the chat asks (`chat/authority.py`)."""

    def __init__(
        self,
        verifier: Verifies,
        bad_tokens: BadTokens,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
        on_bad: Callable[[str, str], None] = lambda _address, _reason: None,
    ) -> None:
        """`on_bad(address, reason)` is told of every token that was looked at and is bad."""
        self._verifier = verifier
        self._bad_tokens = bad_tokens
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._on_bad = on_bad

    def judge(self, token: str, address: str) -> Grant:
        """Return what `token`, shown by a client at `address`, grants now. Raises BadToken."""
        now = self._monotonic()
        if self._bad_tokens.is_over(address, now):
            raise BadToken("too many bad tokens from your address", RATE_LIMITED)
        try:
            return self._verifier.verify(token, self._wall_ms())
        except BadToken as error:
            self._bad_tokens.note(address, now)
            self._on_bad(address, error.reason)
            raise


def source_of(address: str) -> str:
    """Return whom an address ("192.0.2.1:5000", "[2001:db8::1]:5000") stands for: a host, or an IPv6 network of /64.

    Whoever has one address of such a network has all of them. "" for what stands for nobody: loopback, Unix sockets.
    """
    try:
        host = ip_address(address.rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    if host.is_loopback:
        return ""
    return host.exploded[:19] if isinstance(host, IPv6Address) else str(host)
