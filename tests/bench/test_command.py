"""Whole runs, from the command line against a real server."""

import json
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.scenarios.running import PATIENCE_S, TOP, RunningServer, environment

SHORT = ("--duration", "300ms")


def bench(url, *argv):
    """Run `wsserver bench`; return (exit code, standard output, standard error)."""
    command = [sys.executable, "-m", "wsserver", "bench", url, *argv]
    done = subprocess.run(
        command, cwd=TOP, env=environment(), capture_output=True, text=True, timeout=6 * PATIENCE_S, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def server():
    running = RunningServer("--port", "0", "--set", "limits.rate=0")
    yield running
    running.stop()


@pytest.fixture
def measured(server, tmp_path):
    """Run a scenario that must be good; return its report."""

    def run(scenario, *argv):
        file = tmp_path / "report.json"
        pid = str(server.process.pid)
        code, out, err = bench(server.ws(""), scenario, *SHORT, "--server-pid", pid, "--json", str(file), *argv)
        assert (code, json.loads(file.read_text())["faults"]) == (0, []), out + err
        return json.loads(file.read_text())

    return run


def test_an_echo_is_measured_and_told_in_three_ways(server, tmp_path):
    files = [str(tmp_path / name) for name in ("a.json", "a.svg")]
    code, out, err = bench(server.ws(""), "--clients", "8", *SHORT, "--json", files[0], "--svg", files[1])
    assert code == 0, out + err
    assert "faults     none" in out
    assert "8 of 8 are here" in err
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["latency"]["count"] == found["messages"]["received"] == found["messages"]["sent"] > 8
    assert 0 < found["latency"]["p50_us"] <= found["latency"]["p99.9_us"] <= found["latency"]["max_us"]
    assert ET.parse(files[1]).getroot().tag.endswith("svg")


def test_several_processes_fill_rooms_together(measured):
    found = measured("rooms", "--clients", "30", "--processes", "3", "--channels", "5", "--window", "2")
    assert found["connect"]["opened"] == 30
    assert found["messages"]["received"] == 6 * found["messages"]["sent"] > 0
    assert len(found["workers"]) == 3
    assert found["server"]["cpu_us_per_message"] > 0


def test_a_fanout_at_a_rate_sends_what_is_due(measured):
    found = measured("fanout", "--clients", "20", "--rate", "100")
    assert found["messages"]["sent"] + found["unsent"] == 30
    assert found["messages"]["received"] == 20 * found["messages"]["sent"]
    assert found["late"]["count"] == found["messages"]["sent"]


def test_clients_come_and_go(measured):
    found = measured("connect", "--clients", "4")
    assert found["connect"]["opened"] >= 4
    assert found["connect"]["latency"]["count"] == found["connect"]["opened"]


def test_idle_clients_sit_there(measured):
    found = measured("idle", "--clients", "25")
    assert (found["connect"]["opened"], found["messages"]["sent"]) == (25, 0)
    assert found["server"]["resident_bytes"] > 1 << 20


def test_slow_readers_are_sent_away_and_the_others_lose_nothing(measured):
    found = measured("slow", "--clients", "6", "--slow", "2", "--size", "30000", "--window", "16", "--duration", "1s")
    assert found["messages"]["received"] == 4 * found["messages"]["sent"]
    assert set(found["slow"]["closed"]) <= {"4008", "lost"}


def test_what_the_server_refuses_makes_a_bad_run(server):
    code, out, _ = bench(server.ws("/nothing"), *SHORT)
    assert code == 1
    assert "64 connections refused (HTTP 404); nobody was connected" in out


def test_a_server_that_limits_its_clients_makes_a_bad_run_with_a_hint():
    running = RunningServer("--port", "0", "--set", "limits.rate=5")
    try:
        code, out, _ = bench(running.ws(""), "rooms", "--clients", "4", "--rate", "400", *SHORT)
    finally:
        running.stop()
    assert code == 1
    assert "errors rate_limited" in out
    assert "--set limits.rate=0" in out


def test_nobody_listening_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    code, out, _ = bench(f"ws://127.0.0.1:{port}", "--duration", "60s")
    assert code == 1
    assert "64 connections refused (Connection refused)" in out


def test_an_interrupted_run_gives_the_report_so_far(server):
    command = [sys.executable, "-m", "wsserver", "bench", server.ws(""), "--duration", "10m", "--clients", "4"]
    with subprocess.Popen(
        command, cwd=TOP, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stderr:
                if "1 s " in line:
                    break
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert "interrupted: these are the figures so far" in out
    assert "faults     none" in out
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["ws://127.0.0.1:1", "nothing"], "there is no scenario 'nothing'"),
        (["ws://192.0.2.1/"], "say --i-own-this-server"),
        (["http://127.0.0.1/"], "expected ws://HOST:PORT/PATH"),
        (["ws://127.0.0.1:1", "--json", "/nowhere/at/all"], "there is no such folder"),
        (["ws://127.0.0.1:1", "--server-pid", "4194305"], "there is no such process"),
        (["ws://127.0.0.1:1", "--clients", "1000000"], "share 1,000,000 among more with --processes"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(argv, sentence):
    code, out, err = bench(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("wsserver: error: ") and err.count("\n") == 1
    assert sentence in err


def test_without_its_packages_it_says_what_to_install():
    program = "import sys; sys.modules['hdrh'] = None; from wsserver.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "bench", "ws://127.0.0.1:1"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'wsserver[bench]'" in done.stderr
