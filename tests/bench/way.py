"""Measures the way of a message through a worker and the hub without sockets and members: what Python does for it.

    python -m tests.bench.way [--cold] [BATCH ...]

A hundred channels, all of whose members would be in one worker; batches of 480 messages (a busy server) and of 6 (two
thousand a second). `--cold`: between two steps other memory is read, as sends to a thousand clients do it, so that
nothing is left in the caches. Prints microseconds for a message: the tenth part of all rounds that was quickest.

Read next: `hub.py`, the same with processes and sockets; `docs/lab/workers.md`, what was found.
"""

import argparse
from collections.abc import Callable
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Final, cast

from tests.chat.fakes import FakeSurroundings
from wsserver.brokers.hub_channels import HubChannels
from wsserver.brokers.hub_link_log import HubLinkLog
from wsserver.brokers.hub_log import HubLog
from wsserver.brokers.hub_wire import LENGTH_BYTES, Append, Glance, Glanced, decode_from_hub, decode_from_worker
from wsserver.chat.authority import no_rules
from wsserver.chat.batch import Batch
from wsserver.chat.channels import Channels
from wsserver.chat.log import NotYet
from wsserver.chat.replicas import Replicas
from wsserver.chat.waiting import Waiting
from wsserver.stores.memory import MemoryStore

CHANNELS: Final = 100
TEXT: Final = "x" * 64
OTHER: Final = bytearray(24 * 1024 * 1024)
"""Ten times what a core has of its own cache."""


class Other:
    """The worker as the hub sees it."""

    clogged = False
    opened: frozenset[str] = frozenset()

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send


class Way:
    """A worker's chat, a hub, and bytes in between."""

    def __init__(self) -> None:
        self.around = FakeSurroundings()
        self.frame = b""
        quiet = SimpleNamespace(cancel=lambda: None)
        reactor: Any = SimpleNamespace(now=1.0, call_later=lambda *_: quiet, at_end_of_turn=lambda callback: callback())
        broker: Any = SimpleNamespace(node="one", open=lambda _channel, done: done(None), close=lambda _channel: None)
        self.link = HubLinkLog(reactor, self._keep)
        replicas = Replicas(lambda _channel: self.link, broker, lambda _channel: 300)
        channels = Channels(CHANNELS, lambda _channel: None, no_rules)
        replicas.attach(self.around, channels, lambda _copy: None)
        self.batch = Batch(self.around, replicas, Waiting(self.around), replicas)
        store = MemoryStore(self.around.random_bytes, self.around.monotonic)
        self.worker = cast(Any, Other(self._keep))
        self.hub = HubLog(reactor, HubChannels(store, lambda _channel: True), [self.worker], lambda: None)
        self.channels = [self._open(replicas, channels, f"c{number}") for number in range(CHANNELS)]
        self.senders: list[Any] = [SimpleNamespace(pending=0) for _ in range(10 * CHANNELS)]

    def _keep(self, frame: bytes) -> None:
        self.frame = frame

    def _open(self, replicas: Replicas, channels: Channels, name: str) -> Any:
        try:
            replicas.head(name)
        except NotYet:
            asked = cast(Glance, decode_from_worker(self.frame[LENGTH_BYTES:]))
            self.link.finish(asked.number, Glanced(asked.number, "epoch", 0, 1, []))
        return channels.find(name)

    def round(self, size: int, cold: bool) -> tuple[float, float, float]:
        """Send one batch on its way; return the seconds of its three parts."""
        parts: list[float] = []
        for part in (self._commit, self._store, self._deliver):
            if part == self._commit:
                for number in range(size):
                    channel = self.channels[number * 7 % CHANNELS]
                    self.batch.add(self.senders[number], None, channel, "somebody", TEXT, None)
            if cold:
                bytes(OTHER)
            began = perf_counter()
            part()
            parts.append(perf_counter() - began)
        return parts[0], parts[1], parts[2]

    def _commit(self) -> None:
        self.around.end_turn()

    def _store(self) -> None:
        item = cast(Append, decode_from_worker(self.frame[LENGTH_BYTES:]))
        self.hub.append(self.worker, item.number, item.batch)

    def _deliver(self) -> None:
        self.link.on_outcome(cast(Any, decode_from_hub(self.frame[LENGTH_BYTES:])))
        self.around.end_turn()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What Python does for a message between a worker and the hub.")
    parser.add_argument("batches", nargs="*", type=int, default=[480, 6], metavar="BATCH")
    parser.add_argument("--cold", action="store_true", help="with nothing left in the caches")
    options = parser.parse_args()
    for size in options.batches:
        way = Way()
        rounds = [way.round(size, options.cold) for _ in range(max(200, 24_000 // size) // (4 if options.cold else 1))]
        best = [sorted(part)[len(part) // 10] * 1e6 / size for part in zip(*rounds, strict=True)]
        print(f"batches of {size:4}: worker {best[0]:.2f} + {best[2]:.2f}, hub {best[1]:.2f} us for a message")


if __name__ == "__main__":
    main()
