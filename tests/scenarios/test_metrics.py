"""`/metrics` of a real server: what stands there after traffic that the test knows all about."""

import itertools
import socket
import time
import urllib.request

import pytest

from tests.engines.redis import Redis
from tests.observe.strict import read
from tests.scenarios.running import PATIENCE_S
from tests.scenarios.working import APART, kill, until, workers_of

FLAGS = ("--set", "presence.leave_grace=0s")


def samples(server, **headers):
    status, _, body = server.get("/metrics", headers)
    assert status == 200
    return read(body.decode(), openmetrics="openmetrics" in headers.get("Accept", ""))


def wait_for(server, name, labels, value):
    """Look until a sample has a value: what a client says last may be on its way when we look."""
    until = time.monotonic() + PATIENCE_S
    while (found := samples(server)[name, labels]) != value:
        assert time.monotonic() < until, f"{name} is {found}"


OPEN = (("state", "open"),)

_NUMBERS = itertools.count(1)


@pytest.fixture
def busy(start, connect, tmp_path):
    """A server with a file, after a little traffic; its two clients are there."""
    server = start("--store", f"sqlite:{tmp_path / 'chat.db'}", *FLAGS)
    ann, bob = connect(server, "ann", "lobby"), connect(server, "bob", "lobby")
    ann.ask("subscribe", topic="news")
    for number in range(5):
        ann.ask("message", channel="lobby", text=f"hello {number}")
    ann.ask("message", channel="lobby", text="again", key="k")
    ann.ask("message", channel="lobby", text="again", key="k")
    bob.say("message", channel="nowhere", text="not a member")
    bob.hear("error")
    assert server.get("/", {"Host": "evil.example"})[0] == 421
    return server, ann, bob


def test_the_chat_is_counted(busy):
    found = samples(busy[0])
    assert found["wsserver_published_total", (("result", "stored"),)] == 6
    assert found["wsserver_published_total", (("result", "duplicate"),)] == 1
    assert found["wsserver_published_total", (("result", "refused"),)] == 0
    assert found["wsserver_store_commit_seconds_count", ()] == 7
    assert found["wsserver_channels", ()] == 1
    assert found["wsserver_users", ()] == 2
    assert found["wsserver_subscriptions", ()] == 1


def test_connections_are_counted_and_what_they_carried(busy):
    found = samples(busy[0])
    assert found["wsserver_clients", OPEN] == 2
    assert found["wsserver_messages_received_total", ()] == 2 + 1 + 7 + 1
    assert found["wsserver_messages_sent_total", ()] >= 2 * 6 + 7
    assert found["wsserver_connections_accepted_total", ()] == 4
    assert found["wsserver_refusals_total", (("status", "421"),)] == 1
    assert found["wsserver_received_bytes_total", ()] > 2 * 200
    assert found["wsserver_sent_bytes_total", ()] > 12 * 50


def test_the_process_is_measured(busy):
    found = samples(busy[0])
    assert found["wsserver_breaker_state", (("part", "store"),)] == 0
    assert found["wsserver_breaker_state", (("part", "broker"),)] == 0
    assert found["wsserver_turn_seconds_count", ()] == found["wsserver_turns_total", ()] > 10
    assert found["wsserver_process_resident_bytes", ()] > 10 << 20
    assert found["wsserver_process_open_fds", ()] > 5


def test_how_conversations_ended_is_counted_and_no_count_falls(busy):
    server, ann, bob = busy
    found = samples(server)
    bob.close()
    ann.vanish()
    wait_for(server, "wsserver_clients", OPEN, 0)
    after = samples(server)
    assert after["wsserver_closes_total", (("code", "1000"),)] == 1
    assert after["wsserver_closes_total", (("code", "1006"),)] == 1
    counts = [key for key in found if key[0].endswith(("_total", "_count", "_bucket", "_sum"))]
    assert [key for key in counts if after[key] < found[key]] == []


def test_the_number_of_lines_does_not_grow_with_channels_users_and_paths(server, connect):
    before = samples(server).keys()
    talkers = [connect(server, f"user-{number}", f"channel-{number}") for number in range(20)]
    for number, talker in enumerate(talkers):
        talker.ask("subscribe", topic=f"topic-{number}")
        server.get(f"/livez?{number}")
        server.get(f"/no-{number}")
    assert samples(server).keys() == before


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=1.0.0", "text/plain"])
def test_both_formats_are_spoken(server, accept):
    assert samples(server, Accept=accept)["wsserver_processes", ()] == 1


def test_on_a_public_address_only_the_admin_port_has_them(start):
    server = start("--host", "0.0.0.0", "--admin", "127.0.0.1:0", "--set", "server.hosts=*")
    assert server.get("/metrics")[0] == 404


# -- several workers ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["hub", "redis"])
def start_two(request, start):
    """Start two workers that meet in a hub, or in Redis, and a port for those who watch: (server, admin port)."""

    def start_them(*flags):
        if request.param == "redis":
            redis = request.getfixturevalue("redis")
            flags += ("--broker", redis.url(f"?prefix=metrics-{next(_NUMBERS)}"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = start("--workers", "2", "--admin", f"127.0.0.1:{port}", *FLAGS, *APART, *flags)
        until(lambda: all(server.get("/readyz")[0] == 200 for _ in range(8)))  # the kernel picks whom to ask
        return server, port

    return start_them


def watch(port):
    """What the admin port shows: every worker accepts there, so one that is stopped keeps nobody waiting."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        return read(answer.read().decode())


def workers(found):
    """How many workers have answered, are silent, are down."""
    return tuple(found["wsserver_workers", (("state", state),)] for state in ("answered", "silent", "down"))


def of_both(look):
    """Look until both workers are in the sum: on a busy machine one may need more than its second."""
    return until(lambda: workers(found := look()) == (2, 0, 0) and found)


def counts_that_fell(before, after):
    counts = [key for key in before if key[0].endswith(("_total", "_count", "_bucket", "_sum"))]
    return [key for key in counts if after[key] < before[key]]


def talk(server, connect, count=8):
    talkers = [connect(server, f"user-{number}", "lobby") for number in range(count)]
    for talker in talkers:
        talker.ask("message", channel="lobby", text="hello")
    return talkers


def test_whichever_worker_is_asked_tells_of_all(start_two, connect):
    server, _ = start_two()
    talk(server, connect)
    for _ in range(4):  # the kernel picks who answers
        found = of_both(lambda: samples(server))
        assert found["wsserver_processes", ()] == 3  # the supervisor is one too
        assert found["wsserver_clients", OPEN] == 8
        assert found["wsserver_published_total", (("result", "stored"),)] == 8
        assert found["wsserver_users", ()] == 8
        assert found["wsserver_breaker_state", (("part", "broker"),)] == 0
        assert found["wsserver_worker_restarts_total", ()] == 0


def test_the_time_that_the_shared_file_takes_is_measured(start, connect, tmp_path):
    server = start("--workers", "2", "--store", f"sqlite:{tmp_path / 'chat.db'}")
    talk(server, connect)
    assert samples(server)["wsserver_store_commit_seconds_count", ()] == 8


def test_a_worker_that_is_stopped_is_left_out_and_no_count_falls(start_two, connect):
    server, port = start_two()
    talk(server, connect)
    stopped = next(iter(workers_of(server).values()))
    before = of_both(lambda: watch(port))
    stopped.suspend()
    try:
        for _ in range(2):  # it is waited for once
            during = watch(port)
            assert workers(during) == (1, 1, 0)
            assert during["wsserver_processes", ()] == 2
            assert during["wsserver_published_total", (("result", "stored"),)] == 8
            assert counts_that_fell(before, during) == []
    finally:
        stopped.resume()
    assert counts_that_fell(during, of_both(lambda: watch(port))) == []


def test_a_worker_that_dies_and_comes_back_lets_no_count_fall(start_two, connect):
    server, port = start_two()
    talk(server, connect)
    before = of_both(lambda: watch(port))
    kill(next(iter(workers_of(server).values())))
    during = until(lambda: (found := watch(port))["wsserver_worker_restarts_total", ()] == 1 and found)
    assert counts_that_fell(before, during) == []
    after = of_both(lambda: watch(port))
    assert counts_that_fell(during, after) == []
    assert after["wsserver_published_total", (("result", "stored"),)] == 8


def test_the_sum_does_not_need_redis(start, connect):
    with Redis() as redis:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = start("--workers", "2", "--admin", f"127.0.0.1:{port}", "--broker", redis.url(), *FLAGS)
        talk(server, connect)
        redis.kill()
        until(lambda: watch(port)["wsserver_breaker_state", (("part", "broker"),)])
        assert of_both(lambda: watch(port))["wsserver_clients", OPEN] == 8
