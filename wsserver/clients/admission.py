"""Who may come in: the house may be full, memory short, an address here too often, or knocking too fast.

It is judged when a connection is accepted, before a byte of it is read: turning somebody away must cost less than
letting them in. A connection carries one opening handshake at most, since a refused one ends it; so connections are
what is counted, and a handshake of TLS, which costs far more than ours, is spared too.

Read next: `registry.py`, which asks; `limits.py` for the arithmetic of rates.
"""

import socket
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from wsserver.clients.limits import Rate

BURST_S: Final = 10.0
"""So many seconds' worth of handshakes may come at once: a browser opens six connections for a page, and after a
restart everybody behind an address comes back within seconds."""

BLOCKS: Final = 10_000
"""Addresses whose rate is remembered, 2 MB; beyond it the ones that were quiet longest are forgotten. An attacker who
has more of them is not held back by a limit for each."""


ROOMY: Final = 0.9
"""Up to this part of its limit a server takes those whom others hand to it: some may be on their way when it says that
it has no more room."""


class Refusal(NamedTuple):
    """An HTTP status and a sentence."""

    status: int
    detail: str


FULL: Final = Refusal(503, "The server is full; try again later.")
SHORT: Final = Refusal(503, "The server is short of memory; try again later.")
CROWDED: Final = Refusal(503, "Too many connections from your address.")
TOO_FAST: Final = Refusal(429, "Too many new connections from your address; try again later.")


class Admission:
    """The rules of one server, and what they count. 0 turns a limit off, that of all connections excepted."""

    def __init__(
        self,
        most: int,
        most_per_block: int = 0,
        handshakes_per_block: float = 0.0,
        is_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """`most` sockets at once, `most_per_block` of one address; `handshakes_per_block` a second from one address."""
        # configuration
        self._most = most
        self._most_per_block = most_per_block
        burst = max(1.0, handshakes_per_block * BURST_S)
        self._rate = Rate(handshakes_per_block, burst) if handshakes_per_block else None
        self._is_short = is_short
        # state
        self.sockets = 0  # accepted and not closed yet: clients, and last words that still linger
        self._per_block: Counter[str] = Counter()
        self._full_at: dict[str, float] = {}  # see limits.Rate; who knocked last stands last

    def judge(self, address: str, now: float) -> Refusal | None:
        """Tell why whoever comes from `address` at `now` (seconds, monotonic) may not come in; None: they may."""
        if self.sockets >= self._most:
            return FULL
        if self._is_short():
            return SHORT
        return self._judge_block(address, now)

    @property
    def has_room(self) -> bool:
        """There is room for some more than who knocks now."""
        return self.sockets < self._most * ROOMY and not self._is_short()

    def _judge_block(self, address: str, now: float) -> Refusal | None:
        block = block_of(address) if self._most_per_block or self._rate else ""
        if not block:
            return None
        if self._most_per_block and self._per_block[block] >= self._most_per_block:
            return CROWDED
        if self._rate is not None and not self._may_knock(block, now, self._rate):
            return TOO_FAST
        return None

    def enter(self, address: str) -> None:
        """Somebody was let in."""
        self.sockets += 1
        if self._most_per_block:
            self._per_block[block_of(address)] += 1

    def move(self, before: str, after: str, now: float) -> Refusal | None:
        """Somebody who was let in comes from elsewhere, a proxy says: judge and count them there; or None is moved."""
        self.leave(before)
        refusal = self._judge_block(after, now)
        self.enter(after if refusal is None else before)
        return refusal

    def leave(self, address: str) -> None:
        """Their socket is closed."""
        self.sockets -= 1
        if self._most_per_block:
            block = block_of(address)
            self._per_block[block] -= 1
            if not self._per_block[block]:
                del self._per_block[block]

    def _may_knock(self, block: str, now: float, rate: Rate) -> bool:
        """Charge one handshake. One that is refused costs nothing, else who never gives up would never get in."""
        known = self._full_at
        before = known.pop(block, 0.0)
        after = rate.charge(before, now)
        allowed = rate.allows(after, now)
        known[block] = after if allowed else before
        while len(known) > 1 and (len(known) > BLOCKS or known[next(iter(known))] <= now):
            del known[next(iter(known))]  # one whose bucket is full again is as good as unknown
        return allowed


def block_of(address: str) -> str:
    """Return what of `address` is counted as one: an IPv4 address, or the 64 bits that one IPv6 subscriber gets whole.

    "" for a Unix socket, whose clients come from nowhere. Source of the 64 bits: RFC 6177, RFC 7421.
    """
    host = address.rpartition(":")[0]
    if not host.startswith("["):
        return host
    return socket.inet_pton(socket.AF_INET6, host[1:-1].partition("%")[0])[:8].hex()
