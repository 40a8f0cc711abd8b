"""What any process of ours tells of itself: its turns, its CPU time, its memory.

Read next: `metrics.py`, what one tells besides that serves clients.
"""

from wsserver.observe import logs
from wsserver.observe.families import Snapshot, of_histogram
from wsserver.reactor.loop import Reactor


def of_process(reactor: Reactor, started: float) -> Snapshot:
    """Return what is known of the process that `reactor` turns in; `started` is when it was, on the reactor's clock."""
    times, world = reactor.turn_times(), reactor.world
    return {
        "wsserver_uptime_seconds": round(reactor.now - started, 3),
        "wsserver_processes": 1,
        "wsserver_turns": reactor.turns,
        "wsserver_turn_seconds": of_histogram(times),
        "wsserver_turn_longest_seconds": times.longest_s,
        "wsserver_timers": len(reactor.timers),
        "wsserver_process_cpu_seconds": world.cpu_s(),
        "wsserver_process_resident_bytes": world.resident_bytes(),
        "wsserver_process_open_fds": world.open_fds(),
        "wsserver_log_lines_dropped": logs.dropped(),
    }
