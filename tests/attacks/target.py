"""A running server with a channel full of messages and an honest client in it, to be attacked and measured.

Read next: `catalogue.py` for the attacks, `test_memory_of_one.py` for what is demanded.
"""

import contextlib
import time
from dataclasses import asdict, dataclass

from tests.attacks.measuring import KIB, MIB, measured_server, wait_until_closed
from tests.attacks.swarm import Swarm
from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import Talker

MESSAGES = 90
"""Messages in the channel `full`: below the rate limit, and more than one page of history holds."""

REST_S = 0.3
REST_SHARE = 0.2
"""At rest, the server uses no more than this share of a core for so long: its timers, and nothing that spins."""


@dataclass(frozen=True)
class Figures:
    """What an attack did. Bytes of memory are those of the process, sockets' buffers in the kernel not counted."""

    name: str
    attackers: int
    peak_each: float  # bytes more at the highest, for each attacker
    held_each: float  # bytes more at the end of the attack
    sent_each: float  # bytes that the kernel took from each attacker
    before: int  # resident bytes
    peak: int
    after: int  # when all attackers had gone
    cpu_s: float

    def as_row(self):
        """The figures by name, rounded for people."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}


class Target:
    """The server under attack."""

    def __init__(self, server, gauge):
        self.port = server.port
        self.gauge = gauge
        self.keeper = Talker(server.ws())
        self.keeper.join("full", "keeper")
        for _ in range(MESSAGES):
            self.keeper.ask("message", channel="full", text="\x01" * 1400)  # six bytes each in JSON
        self._files = gauge.open_files()

    def look(self):
        """An honest client gets its answer."""
        assert self.keeper.ask("ping")["type"] == "pong"
        self.keeper.kept.clear()

    def warm(self, attack):
        """Let a few attack, so that what is made only once is made."""
        with Swarm(self.port, attack, 2) as swarm:
            swarm.run(0.3)
        self.clear()

    def clear(self):
        """Wait until all attackers are gone."""
        wait_until_closed(self.gauge, self._files)
        self.look()

    def measure(self, name, attack, count, seconds, rests=False):
        """Let `count` attack, and return the figures; `rests`: wait until those who wait for us cost no CPU either."""
        gauge = self.gauge
        gauge.forget_peak()
        memory, before, cpu_s = gauge.memory(), gauge.resident(), gauge.cpu_s()
        with Swarm(self.port, attack, count) as swarm:
            swarm.run(seconds)
            self.look()
            held, peak, sent = gauge.memory(), gauge.peak(), swarm.sent
            if rests:
                self.wait_for_rest()
        self.clear()
        each = (peak - before) / count
        return Figures(
            name, count, each, (held - memory) / count, sent / count, before, peak, gauge.resident(),
            gauge.cpu_s() - cpu_s,
        )  # fmt: skip

    def wait_for_rest(self):
        """Wait until the attackers, who do nothing any more, cost no CPU either."""
        until = time.monotonic() + PATIENCE_S
        while True:
            used = self.gauge.cpu_s()
            time.sleep(REST_S)
            if self.gauge.cpu_s() - used <= REST_SHARE * REST_S:
                return
            assert time.monotonic() < until, "the server does not come to rest"


@contextlib.contextmanager
def attacked(folder, *flags):
    """Run a server that is made to be attacked: no rate limit unless `flags` set one, big files in `folder`."""
    folder.joinpath("index.html").write_text("<!doctype html><title>page</title>" + "x" * 4000)
    folder.joinpath("middling.png").write_bytes(b"x" * 200 * KIB)
    folder.joinpath("big.png").write_bytes(b"x" * 8 * MIB)
    usual = ("--set", "limits.rate=0", "--set", f"server.static={folder}", "--set", "presence.leave_grace=0s")
    with measured_server(*usual, *flags) as (server, gauge):
        target = Target(server, gauge)
        with contextlib.closing(target.keeper):
            yield target
