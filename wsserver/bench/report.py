"""What a run has found, for people (text) and for programs (a dict that is written as JSON).

The text is made from the dict, so the two cannot differ. Times in the dict are microseconds, sizes bytes.

Read next: `plot.py`, which draws it; `command.py`, which writes all three.
"""

from typing import Any, Final

from wsserver.bench.coordinator import Findings
from wsserver.bench.latencies import PERCENTILES, Latencies
from wsserver.bench.options import CONNECT, ECHO, IDLE, SLOW, Options

MIB: Final = 1024 * 1024

OPEN_LOOP: Final = "counted from the time each was due, so a stall counts for all who were due in it"
CLOSED_LOOP: Final = (
    "a closed loop: nobody sends while waiting, so a stall of the server is hidden from all but those who wait in it; "
    "use --rate to see what people would see"
)
LIMITED: Final = "The server limits what one client may send; for a load test start it with --set limits.rate=0."


def report(findings: Findings) -> dict[str, Any]:
    """Return everything that was found, ready for JSON."""
    options, tally, seconds = findings.options, findings.tally, findings.measured_s or 1e-9
    return {
        "url": f"ws://{options.target.authority}{options.target.path}",
        "scenario": options.scenario,
        "clients": options.clients,
        "channels": options.channels if options.chats else None,
        "loop": "open" if options.rate else "closed",
        "rate": options.rate or None,
        "window": None if options.rate or options.scenario in (IDLE, CONNECT) else options.window,
        "size": options.size,
        "processes": options.processes,
        "seconds": round(findings.measured_s, 6),
        "interrupted": findings.interrupted,
        "connect": _connect(findings),
        "messages": {
            "sent": tally.sent,
            "received": tally.received,
            "sent_per_s": round(tally.sent / seconds, 3),
            "received_per_s": round(tally.in_time / seconds, 3),
            "MB_per_s": round(tally.bytes_in_time / seconds / 1e6, 6),
        },
        "latency": _spectrum(findings.latency),
        "late": _spectrum(findings.late) if findings.late is not None else None,
        "server": _server(findings),
        "machine": _machine(findings),
        "workers": [round(cpu_s / seconds, 4) for cpu_s in findings.worker_cpu_s if findings.measured_s],
        "unsent": tally.unsent,
        "slow": {"clients": options.slow, "closed": tally.slow_closed} if options.scenario == SLOW else None,
        "lost": tally.lost,
        "wrong": tally.wrong,
        "gaps": tally.gaps,
        "errors": tally.errors,
        "refused": tally.refused,
        "closed": tally.closed,
        "faults": faults(findings),
        "timeline": [[round(at_s, 3), received] for at_s, received in findings.timeline],
    }


def faults(findings: Findings) -> list[str]:
    """Return what went wrong, in words; empty: the run is good."""
    found = findings.tally.faults
    if findings.died:
        found.append(f"{findings.died} processes of the load tester ended too early; their figures are missing")
    if not findings.tally.opened:
        found.append("nobody was connected")
    return found


def _connect(findings: Findings) -> dict[str, Any]:
    tally = findings.tally
    seconds = findings.measured_s if findings.options.scenario == CONNECT else tally.connect_s
    return {
        "opened": tally.opened,
        "seconds": round(seconds, 6),
        "per_s": round(tally.opened / seconds, 3) if seconds else 0.0,
        "latency": _spectrum(findings.connecting),
    }


def _spectrum(latencies: Latencies) -> dict[str, int]:
    found = {f"p{percentile:g}_us": latencies.at(percentile) for percentile in PERCENTILES}
    return {"count": latencies.total, **found, "max_us": latencies.greatest_us}


def _server(findings: Findings) -> dict[str, Any] | None:
    before, begun, ended = findings.before, findings.begun, findings.ended
    if not findings.pids or before is None or begun is None or ended is None:
        return None
    tally = findings.tally
    cpu_s = max(0.0, ended.cpu_s - begun.cpu_s)  # one that has died meanwhile counts nothing
    grown = begun.resident_bytes - before.resident_bytes
    return {
        "pids": findings.pids,
        "cores": round(cpu_s / (findings.measured_s or 1e-9), 4),
        "cpu_us_per_message": round(cpu_s * 1e6 / tally.in_time, 3) if tally.in_time else None,
        "resident_bytes": ended.resident_bytes,
        "bytes_per_client": round(grown / tally.opened) if tally.opened else None,
        "connect_cpu_us": round((begun.cpu_s - before.cpu_s) * 1e6 / tally.opened, 3) if tally.opened else None,
    }


def _machine(findings: Findings) -> list[float]:
    """Return how busy each core was, 0 to 1."""
    begun, ended = findings.begun, findings.ended
    if begun is None or ended is None or not findings.measured_s:
        return []
    pairs = zip(begun.core_busy_s, ended.core_busy_s, strict=False)
    return [round(min(1.0, (after - before) / findings.measured_s), 3) for before, after in pairs]


# -- for people -------------------------------------------------------------------------------------------------------


def as_text(found: dict[str, Any], options: Options) -> str:
    """Return the report as lines for a terminal."""
    lines = [
        f"wsserver bench {found['scenario']} {found['url']}",
        f"  {_load(found, options)}",
        f"connect    {_connect_line(found)}",
    ]
    messages = found["messages"]
    if found["scenario"] not in (CONNECT, IDLE) and found["connect"]["opened"]:
        lines += [
            f"messages   {messages['sent_per_s']:,.0f} sent and {messages['received_per_s']:,.0f} received a second, "
            f"{messages['MB_per_s']:,.2f} MB/s of payload received",
            f"latency    {_spectrum_line(found['latency'])}",
            f"           {OPEN_LOOP if options.rate else CLOSED_LOOP}",
        ]
    if found["late"]:
        lines.append(f"our own    {_spectrum_line(found['late'])} late with sending, which the figures above include")
    lines += _usage_lines(found)
    if found["slow"]:
        closed = ", ".join(f"{count} closed with {code}" for code, count in found["slow"]["closed"].items())
        slow = _many(found["slow"]["clients"], "client")
        lines.append(f"slow       {slow} stopped reading: {closed or 'none was closed'}")
    if found["unsent"]:
        lines.append(f"unsent     {found['unsent']:,} were due and not sent: the load tester did not keep up")
    if found["interrupted"]:
        lines.append("interrupted: these are the figures so far")
    lines.append(f"faults     {'; '.join(found['faults']) or 'none: nothing lost, refused, closed or wrong'}")
    if "rate_limited" in found["errors"] or "4029" in found["closed"] or (found["lost"] and options.scenario == ECHO):
        lines.append(f"           {LIMITED}")
    return "\n".join(lines) + "\n"


def _load(found: dict[str, Any], options: Options) -> str:
    words = [_many(found["clients"], "client")]
    if found["channels"]:
        words.append(f"in {_many(found['channels'], 'channel')}")
    words.append(f"from {_many(found['processes'], 'process', 'processes')}")
    words.append(f"for {found['seconds']:.1f} s")
    if found["rate"]:
        unit = "connections" if options.scenario == CONNECT else f"messages of {found['size']} bytes"
        words.append(f"at {found['rate']:,g} {unit} a second (open loop)")
    elif found["window"]:
        whom = "client" if options.scenario == ECHO else "channel"
        under_way = _many(found["window"], "message")
        words.append(f"with {under_way} of {found['size']} bytes under way per {whom} (closed loop)")
    return " ".join(words)


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _connect_line(found: dict[str, Any]) -> str:
    connect = found["connect"]
    line = f"{connect['opened']:,} in {connect['seconds']:.2f} s: {connect['per_s']:,.0f} a second; "
    return line + "handshake " + _spectrum_line(connect["latency"])


def _spectrum_line(spectrum: dict[str, int]) -> str:
    words = [f"p{percentile:g} {_time(spectrum[f'p{percentile:g}_us'])}" for percentile in PERCENTILES]
    return ", ".join([*words, f"max {_time(spectrum['max_us'])}"])


def _time(us: int) -> str:
    if us < 1000:
        return f"{us} µs"
    return f"{us / 1000:.3g} ms" if us < 1_000_000 else f"{us / 1e6:.3g} s"


def _usage_lines(found: dict[str, Any]) -> list[str]:
    lines = []
    server = found["server"]
    if server:
        line = f"server     {server['cores']:.1%} of a core"
        if server["cpu_us_per_message"] is not None and found["scenario"] not in (CONNECT, IDLE):
            line += f", {server['cpu_us_per_message']:.2f} µs of CPU per message received"
        line += f"; {server['resident_bytes'] / MIB:,.1f} MiB"
        if server["bytes_per_client"] is not None and found["scenario"] != CONNECT:
            # less than nothing: these clients found memory that earlier ones had given back
            line += f", {max(0, server['bytes_per_client']) / 1024:,.2f} KiB more per client"
            line += f"; {server['connect_cpu_us']:.0f} µs of CPU to let each in"
        lines.append(line)
    if found["machine"]:  # else nobody was connected, and nothing was measured
        cores = ", ".join(f"{busy:.0%}" for busy in found["machine"])
        busiest = max(found["workers"], default=0.0)
        lines.append(f"cores      {cores} busy; the load tester's busiest process took {busiest:.0%} of one")
    return lines
