"""Attacks on whoever runs the server: log lines that lie, logs that grow, settings that mean nothing."""

import contextlib
import json
import re
import socket
import struct

import pytest

from tests.scenarios.running import PATIENCE_S, run_to_its_end
from tests.scenarios.talking import Talker, open_raw
from tests.websocket.frames_by_hand import frame
from wsserver.observe.log_format import VALUE_LIMIT
from wsserver.observe.logs import KIND_LIMIT
from wsserver.websocket.codes import CLOSE, TEXT

FORGED = "\r\n2026-01-01T00:00:00.000Z ERROR forged line: \x1b[31m\x7f\u2028\u2029\x85\u202e\0end"


def goodbye(port, reason):
    """Open a WebSocket and close it with a reason, which is what a stranger can get into the log."""
    with open_raw(port) as one:
        one.sendall(frame(CLOSE, struct.pack("!H", 1000) + reason.encode()))
        while one.recv(1000):
            pass


def log_of(server, kind):
    """The lines of one kind of event. A request before ensures that the line of who went earlier is there."""
    assert server.get("/livez")[0] == 200
    return [line for line in server.log.split("\n") if kind in line]


REASONS = {
    "another line": FORGED,
    "as long as can be": "x" * 123,
    "other fields": '" address=1.2.3.4 cause="',
    "escapes": "\\x0d\\x0a",
    "pictures": "\U0001f600" * 30,
}


@pytest.mark.parametrize("name", REASONS)
def test_o180_what_a_stranger_says_is_one_value_of_one_line(start, name):
    server = start("--log-level", "debug")
    goodbye(server.port, REASONS[name])
    line = next(line for line in log_of(server, "client_gone") if "receive Close" in line)
    for each in server.log.rstrip("\n").split("\n"):
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO) ", each)
    assert line.isprintable()
    assert line.isascii() or "\U0001f600" in line
    value = re.search(r' cause="((?:[^"\\]|\\.)*)"', line)[1]
    assert len(value) <= 6 * VALUE_LIMIT
    assert line.count(" address=") - value.count(" address=") == 1


def test_o180_in_json_it_is_one_value_of_one_object(start):
    server = start("--log-level", "debug", "--log-format", "json")
    goodbye(server.port, FORGED)
    assert log_of(server, "receive Close")
    records = [json.loads(line) for line in server.log.rstrip("\n").split("\n")]
    [record] = [record for record in records if "receive Close" in record.get("cause", "")]
    assert record["cause"].endswith(FORGED)
    assert record["kind"] == "client_gone"
    assert server.log.isascii()
    assert server.log.replace("\n", "").isprintable()


def test_o180_nothing_of_a_request_is_in_the_log(start):
    server = start("--log-level", "debug")
    for request in (
        b"GET /%0aforged HTTP/1.1\r\nHost: forged\r\nUser-Agent: forged\r\n\r\n",
        b"forged\x1b[31m\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as one:
            one.sendall(request)
            while one.recv(1000):
                pass
    assert log_of(server, "client_gone")
    assert "forged" not in server.log


def test_o181_the_same_event_many_times_is_ten_lines_and_a_count(start):
    server = start("--log-level", "debug", "--set", "server.drain=0s")
    for _ in range(300):
        with open_raw(server.port) as one:
            one.sendall(frame(TEXT, b"\xff"))
    assert len(log_of(server, " client_gone: ")) == KIND_LIMIT
    assert "only counted" in server.log
    server.process.terminate()
    assert server.wait() == 0
    [hidden] = log_of_the_dead(server, "records_hidden")
    assert int(re.search(r"hidden=(\d+)", hidden)[1]) >= 290


def log_of_the_dead(server, kind):
    return [line for line in server.log.split("\n") if kind in line]


BAD = [
    ("limits.rate=-1", "limits.rate"),
    ("limits.queue=-1", "limits.queue"),
    ("limits.rat=1", "limits.rate"),
    ("limit.rate=1", "limits.rate"),
    ("websocket.max_message=64KB", "websocket.max_message"),
    ("websocket.ping_interval=1000d", "websocket.ping_interval"),
    ("websocket.max_message=\u0663", "websocket.max_message"),
    ("server.port=65536", "server.port"),
    ("server.port=0x50", "server.port"),
    ("limits.rate=nan", "limits.rate"),
    ("limits.rate=1e999", "limits.rate"),
    ("server.poller=\x1b[31m", "server.poller"),
]


def test_o182_what_strangers_make_up_is_no_line_of_the_metrics(server):
    def lines():
        status, _, body = server.get("/metrics")
        assert status == 200
        return {line.rpartition(" ")[0] for line in body.decode().splitlines()}

    with contextlib.closing(Talker(server.ws())) as talker:
        talker.join("warm-up", "somebody")
        before = lines()
        for number in range(30):
            talker.join(f"channel-{number}")
            talker.ask("subscribe", topic=f"topic-{number}")
            assert server.get(f"/path-{number}")[0] == 404
        for code in range(3000, 3030):
            with open_raw(server.port) as one:
                one.sendall(frame(CLOSE, struct.pack("!H", code)))
                assert one.recv(1000)
        assert lines() == before


def test_o182_metrics_are_not_shown_to_others(start):
    status, _, body = start("--host", "0.0.0.0", "--set", "server.hosts=*").get("/metrics")
    assert status == 404
    assert b"wsserver_" not in body


@pytest.mark.parametrize(("setting", "named"), BAD)
def test_o183_a_setting_that_means_nothing_is_exit_2_and_one_line_that_names_it(setting, named):
    code, output, errors = run_to_its_end("--port", "0", "--set", setting)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert named in errors
    assert "Traceback" not in errors


FILES = {
    "unknown key": b"[limits]\nrates = 1\n",
    "no TOML": b"[limits\n",
    "no UTF-8": b"[limits]\nrate = \xff\n",
    "NUL": b"[limits]\nrate = 1\0\n",
    "deep": b"a = " + b"[" * 100_000,
    "twice": b"[limits]\nrate = 1\nrate = 2\n",
}


@pytest.mark.parametrize("name", FILES)
def test_o183_a_file_that_means_nothing_is_exit_2_and_one_line_that_names_it(tmp_path, name):
    file = tmp_path / "bad.toml"
    file.write_bytes(FILES[name])
    code, output, errors = run_to_its_end("-c", str(file))
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert "bad.toml" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("setting", "warning"),
    [("server.hosts=*", "DNS rebinding"), ("limits.rate=0", "limits.rate"), ("server.host=0.0.0.0", "without TLS")],
)
def test_o183_a_dangerous_setting_is_warned_of_at_every_start(start, setting, warning):
    for _ in range(2):
        server = start("--set", setting)
        [line] = log_of(server, "WARNING")
        assert warning in line
