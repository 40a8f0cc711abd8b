"""Findings of a run that nobody did, for the tests of what is made of them."""

from tests.bench.rig import options
from wsserver.bench.coordinator import Findings
from wsserver.bench.latencies import Latencies
from wsserver.bench.tally import Tally
from wsserver.bench.usage import Reading


def latencies(*values):
    """Latencies that were recorded."""
    found = Latencies()
    for value in values:
        found.counts[value] += 1
    return found


def findings(scenario="echo", tally=None, changes=None, **more):
    """A run of 2 s: 1,000 messages, 0.5 s of CPU, 4 MiB for 64 clients."""
    given = {
        "options": options(scenario, clients=64, size=64, server_pids=(7,), **(changes or {})),
        "planned_s": 2.0,
        "measured_s": 2.0,
        "tally": tally or Tally(opened=64, connect_s=0.5, sent=1000, received=1000, in_time=1000, bytes_in_time=64_000),
        "latency": latencies(*range(1, 1001)),
        "connecting": latencies(2000, 3000),
        "worker_cpu_s": [0.4],
        "pids": [7],
        "before": Reading(10.0, 1.0, 10 << 20, [5.0, 5.0]),
        "begun": Reading(11.0, 1.064, 14 << 20, [5.0, 5.0]),
        "ended": Reading(13.0, 1.564, 15 << 20, [7.0, 5.5]),
        "timeline": [(1.0, 600), (2.0, 1000)],
    }
    return Findings(**{**given, **more})
