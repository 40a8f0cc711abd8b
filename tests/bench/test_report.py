import json

import pytest

from tests.bench.found import findings, latencies
from wsserver.bench.report import CLOSED_LOOP, LIMITED, OPEN_LOOP, as_text, report
from wsserver.bench.tally import Tally


def text_of(found):
    return as_text(report(found), found.options)


def test_the_figures_are_those_of_the_run():
    found = report(findings())
    assert found["messages"]["sent_per_s"] == found["messages"]["received_per_s"] == 500
    assert found["messages"]["MB_per_s"] == 0.032
    assert found["connect"] == {
        "opened": 64,
        "seconds": 0.5,
        "per_s": 128,
        "latency": {"count": 2, "p50_us": 2000, "p95_us": 3000, "p99_us": 3000, "p99.9_us": 3000, "max_us": 3000},
    }
    assert found["latency"] == {
        "count": 1000,
        "p50_us": 500,
        "p95_us": 950,
        "p99_us": 990,
        "p99.9_us": 999,
        "max_us": 1000,
    }
    assert found["server"] == {
        "pids": [7],
        "cores": 0.25,
        "cpu_us_per_message": 500.0,
        "resident_bytes": 15 << 20,
        "bytes_per_client": 65536,
        "connect_cpu_us": 1000.0,
    }
    assert found["machine"] == [1.0, 0.25]
    assert found["workers"] == [0.2]


def test_it_can_be_written_as_json_and_read_again():
    found = report(findings())
    assert json.loads(json.dumps(found)) == found


def test_people_read_the_same_figures():
    lines = text_of(findings()).splitlines()
    assert lines[0] == "wsserver bench echo ws://127.0.0.1:8080/echo"
    assert (
        lines[1]
        == "  64 clients from 1 process for 2.0 s with 1 message of 64 bytes under way per client (closed loop)"
    )
    assert lines[2].startswith("connect    64 in 0.50 s: 128 a second; handshake p50 2 ms, ")
    assert lines[3] == "messages   500 sent and 500 received a second, 0.03 MB/s of payload received"
    assert lines[4] == "latency    p50 500 µs, p95 950 µs, p99 990 µs, p99.9 999 µs, max 1 ms"
    assert lines[5].strip() == CLOSED_LOOP
    assert lines[6] == (
        "server     25.0% of a core, 500.00 µs of CPU per message received; 15.0 MiB, 64.00 KiB more per client; "
        "1000 µs of CPU to let each in"
    )
    assert lines[7] == "cores      100%, 25% busy; the load tester's busiest process took 20% of one"
    assert lines[8] == "faults     none: nothing lost, refused, closed or wrong"


def test_an_open_loop_says_that_it_is_one_and_how_late_it_was_itself():
    text = text_of(findings(changes={"rate": 500.0}, late=latencies(7, 9)))
    assert "at 500 messages of 64 bytes a second (open loop)" in text
    assert OPEN_LOOP in text and CLOSED_LOOP not in text
    assert "our own    p50 7 µs" in text


def test_faults_are_told():
    bad = Tally(opened=60, refused={"HTTP 503": 4}, lost=7, in_time=1)
    found = report(findings(tally=bad, died=1))
    assert found["faults"] == [
        "4 connections refused (HTTP 503)",
        "7 messages lost",
        "1 processes of the load tester ended too early; their figures are missing",
    ]


@pytest.mark.parametrize(
    "tally", [Tally(opened=1, errors={"rate_limited": 5}), Tally(opened=1, closed={"4029": 1}), Tally(opened=1, lost=1)]
)
def test_whoever_meets_the_servers_rate_limit_hears_how_to_lift_it(tally):
    assert LIMITED in text_of(findings(tally=tally))


def test_nobody_connected_is_a_fault_and_there_is_no_more_to_say():
    text = text_of(findings(tally=Tally(refused={"Connection refused": 64})))
    assert "64 connections refused (Connection refused); nobody was connected" in text
    assert "latency" not in text


def test_an_interrupted_run_says_so_and_what_was_not_sent_is_told():
    text = text_of(findings(tally=Tally(opened=64, unsent=12), interrupted=True))
    assert "interrupted: these are the figures so far" in text
    assert "12 were due and not sent" in text


def test_slow_readers_are_told_of():
    tally = Tally(opened=64, slow_closed={"4008": 3})
    assert "3 clients stopped reading: 3 closed with 4008" in text_of(findings("slow", tally, {"slow": 3}))
    assert "1 client stopped reading: none was closed" in text_of(findings("slow", Tally(opened=64), {"slow": 1}))


def test_connecting_and_idling_tell_no_latency_of_messages():
    for scenario in ("connect", "idle"):
        text = text_of(findings(scenario))
        assert "messages " not in text and "latency " not in text
    assert report(findings("connect"))["connect"]["seconds"] == 2.0


def test_without_the_servers_processes_nothing_is_said_of_them():
    found = findings(pids=[])
    assert report(found)["server"] is None
    assert not any(line.startswith("server ") for line in text_of(found).splitlines())


def test_a_run_that_never_began_can_be_told():
    found = findings(tally=Tally(), before=None, begun=None, ended=None, measured_s=0.0, timeline=[], worker_cpu_s=[])
    assert report(found)["machine"] == []
    assert "nobody was connected" in text_of(found)


def test_a_run_that_measured_nothing_tells_no_share_of_a_core():
    found = report(findings(tally=Tally(refused={"Connection refused": 64}), measured_s=0.0))
    assert (found["machine"], found["workers"]) == ([], [])
    assert "cores" not in [line.split()[0] for line in as_text(found, findings().options).splitlines()]
