"""Channels as Server-Sent Events: what a reader hears, goes on with after a break, and may not see."""

import contextlib
import http.client
import json
import signal
import threading
import time
import urllib.request

import jwt
import pytest

from tests.scenarios.calling import KEY, WITH_KEY, Stream, call, publish
from tests.scenarios.running import PATIENCE_S, RunningServer

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def server():
    running = RunningServer("--port", "0", *WITH_KEY)
    yield running
    running.stop()


@pytest.fixture
def read():
    """Open a stream: read(server, channel="lobby"). It is closed behind the test."""
    with contextlib.ExitStack() as behind:

        def open_one(*named, **options):
            stream = Stream(*named, **options)
            behind.callback(stream.close)
            return stream

        yield open_one


def test_a_reader_hears_what_members_and_programs_say_from_then_on(server, connect, read):
    ann = connect(server, "ann", "one")
    ann.ask("message", channel="one", text="before")
    stream = read(server, "one")
    assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream")
    assert (stream.headers["Cache-Control"], stream.headers["X-Accel-Buffering"]) == ("no-store", "no")
    ann.ask("message", channel="one", text="from a member")
    answer = publish(server, "from a program", "one")
    assert answer["delivered"] == 1  # readers do not count
    heard = [ann.hear("message") for _ in range(3)][1:]
    assert [stream.next() for _ in range(2)] == [("message", event) for event in heard]
    assert stream.last_id == f"{answer['epoch']}:3"
    assert stream.retry_ms > 0
    assert ann.ask("presence", channel="one")["users"] == ["ann"]


def test_a_reader_goes_on_where_it_was(server, read):
    first = read(server, "on")
    publish(server, "a", "on")
    assert first.texts(1) == ["a"]
    first.close()
    for text in "bcd":
        publish(server, text, "on")
    second = read(server, "on", first.last_id)
    assert second.texts(3) == ["b", "c", "d"]
    publish(server, "e", "on")
    assert second.texts(1) == ["e"]
    by_query = read(server, f"on&last_event_id={first.last_id}")
    assert by_query.texts(4) == ["b", "c", "d", "e"]


@pytest.mark.parametrize("last_id", ["other:1", "nonsense", "{}:99"])
def test_what_cannot_be_told_in_full_is_announced(server, read, last_id):
    epoch = publish(server, "a", "reset")["epoch"]
    stream = read(server, "reset", last_id.format(epoch))
    name, place = stream.next()
    assert (name, place["epoch"]) == ("reset", epoch)
    answer = publish(server, "b", "reset")
    assert answer["seq"] == place["seq"] + 1
    assert stream.texts(1) == ["b"]


def test_a_reader_that_comes_and_goes_while_much_is_said_hears_all_of_it_once(server, read):
    count = 400

    def talk():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        for number in range(count):
            body = json.dumps({"channel": "busy", "text": str(number)})
            connection.request("POST", "/api/publish", body, {"Authorization": f"Bearer {KEY}"})
            connection.getresponse().read()
            if number % 90 == 89:  # the server ends a connection after a hundred requests
                connection.close()
        connection.close()

    last_id, heard = f"{publish(server, 'first', 'busy')['epoch']}:1", []
    talker = threading.Thread(target=talk)
    talker.start()
    while len(heard) < count:
        stream = read(server, "busy", last_id)
        heard += stream.texts(min(23, count - len(heard)))
        last_id = stream.last_id
        stream.close()
    talker.join(PATIENCE_S)
    assert heard == [str(number) for number in range(count)]


def test_all_readers_of_a_channel_hear_the_same(server, read):
    streams = [read(server, "crowd") for _ in range(40)]
    for text in "abc":
        assert publish(server, text, "crowd")["delivered"] == 0
    assert [stream.texts(3) for stream in streams] == [["a", "b", "c"]] * 40


def test_a_slow_reader_is_closed_and_finds_the_rest_when_it_comes_back(start, read):
    server = start(*WITH_KEY, "--set", "limits.queue=256KiB")
    slow, well = read(server, receive_buffer=65536), read(server)
    epoch = publish(server, "first")["epoch"]
    assert slow.texts(1) == well.texts(1) == ["first"]
    count = 0
    while len(call(server, "connections")[1]["connections"]) == 3:  # slow, well, and who asks
        count += 1
        assert count < 400, "it takes more than any kernel does"
        publish(server, f"{count} " + "x" * 40_000)
        assert well.texts(1)[0].startswith(f"{count} ")
    heard = []
    with contextlib.suppress(ConnectionError):
        while (event := slow.next()) is not None:
            heard.append(event[1]["seq"])
    assert 0 < len(heard) < count
    again = read(server, last_id=slow.last_id)
    heard += [again.next()[1]["seq"] for _ in range(count - len(heard))]
    assert heard == list(range(2, count + 2))
    assert again.last_id == f"{epoch}:{count + 1}"


def test_a_reader_goes_on_after_the_server_was_killed(start, read, tmp_path):
    flags = (*WITH_KEY, "--store", f"sqlite:{tmp_path / 'chat.db'}")
    server = start(*flags)
    stream = read(server)
    publish(server, "a")
    assert stream.texts(1) == ["a"]
    publish(server, "b")
    server.signal(signal.SIGKILL)
    server.wait()
    server = start(*flags)
    publish(server, "c")
    assert read(server, last_id=stream.last_id).texts(2) == ["b", "c"]


def test_when_the_server_stops_readers_are_told_when_to_come_back(start, read):
    server = start(*WITH_KEY, "--set", "server.drain=300ms")
    stream = read(server)
    epoch = publish(server, "a")["epoch"]
    assert stream.texts(1) == ["a"]
    hint = stream.retry_ms
    server.signal(signal.SIGTERM)
    assert stream.next() is None
    assert stream.retry_ms != hint
    assert stream.last_id == f"{epoch}:1"
    stream.close()
    assert server.wait() == 0


def test_the_standard_library_reads_it(server):
    with urllib.request.urlopen(f"{server.address}/events?channel=urllib", timeout=PATIENCE_S) as stream:
        publish(server, "hello", "urllib")
        lines = iter(lambda: stream.readline().decode(), "\n")
        [data] = [line for line in lines if line.startswith("data:")]
    assert json.loads(data.removeprefix("data:"))["text"] == "hello"


def test_a_client_of_http_1_0_reads_it_too(server, read):
    stream = read(server, "old", version="1.0")
    assert stream.headers["Connection"] == "close"
    assert "Transfer-Encoding" not in stream.headers
    publish(server, "hello", "old")
    assert stream.texts(1) == ["hello"]


def test_head_tells_what_it_is_and_ends(server):
    status, headers, body = server.get("/events?channel=c", method="HEAD")
    assert (status, headers["Content-Type"], body) == (200, "text/event-stream", b"")


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/events", "GET", 400),
        ("/events?channel=%2A", "GET", 400),
        ("/events?channel=a&channel=b", "GET", 400),
        ("/events?channel=a", "POST", 405),
    ],
)
def test_refusals_are_json(server, target, method, status):
    got, headers, body = server.get(target, method=method)
    assert (got, headers["Content-Type"]) == (status, "application/json")
    assert json.loads(body)["error"]


def test_pages_of_strangers_may_not_read_and_welcome_ones_may(start, read):
    server = start("--set", "server.origins=https://good.example")
    assert read(server, Origin="https://evil.example").status == 403
    welcome = read(server, Origin="https://good.example")
    assert welcome.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert "Access-Control-Allow-Origin" not in read(server).headers


def test_a_reader_that_hangs_up_is_gone_at_once_and_counts_for_the_limit_until_then(start, read):
    server = start("--set", "limits.connections=3")
    streams = [read(server) for _ in range(3)]
    assert server.get("/livez")[0] == 503
    streams[0].close()
    until = time.monotonic() + PATIENCE_S
    while (status := server.get("/livez")[0]) != 200 and time.monotonic() < until:
        pass
    assert status == 200


def test_a_reader_that_goes_on_sending_is_cut_off(server, read):
    stream = read(server, "loud")
    with pytest.raises(ConnectionError):
        for _ in range(1000):
            stream._socket.sendall(b"x" * 4096)


# -- tokens and rules --------------------------------------------------------------------------------------------------


def mint(user, seconds=60, **claims):
    return jwt.encode({"sub": user, "exp": time.time() + seconds, **claims}, SECRET, "HS256")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    settings = tmp_path_factory.mktemp("settings") / "wsserver.toml"
    settings.write_text('[channels."staff:*"]\njoin = ["ann"]\n')
    flags = ("--set", "auth.mode=token", "--set", f"auth.secret={SECRET}", "-c", str(settings))
    running = RunningServer("--port", "0", *WITH_KEY, *flags)
    yield running
    running.stop()


def test_in_token_mode_a_reader_shows_its_token(guarded, read):
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {mint('ann', -1)}"}):
        refused = read(guarded, **headers)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert refused.body()["code"] == "auth_required"
    stream = read(guarded, Authorization=f"Bearer {mint('ann')}")
    publish(guarded, "hello")
    assert stream.texts(1) == ["hello"]


def test_a_reader_reads_what_it_might_join(guarded, read):
    ann, bob = (f"Bearer {mint(user)}" for user in ("ann", "bob"))
    assert read(guarded, "staff:x", Authorization=ann).status == 200
    assert read(guarded, "staff:x", Authorization=bob).status == 403
    narrow = f"Bearer {mint('bob', channels=['news:*'])}"
    assert read(guarded, "news:x", Authorization=narrow).status == 200
    assert read(guarded, "other", Authorization=narrow).status == 403


def test_a_token_in_the_url_is_refused(guarded, read):
    assert read(guarded, f"lobby&token={mint('ann')}").status == 400


def test_a_stream_ends_when_its_user_is_disconnected(guarded, read):
    stream = read(guarded, Authorization=f"Bearer {mint('eve')}")
    assert call(guarded, "disconnect", {"user": "eve"}) == (200, {"disconnected": 1})
    assert stream.next() is None


def test_a_stream_ends_with_its_token(guarded, read):
    stream = read(guarded, "short", Authorization=f"Bearer {mint('ann', 1.2)}")
    publish(guarded, "in time", "short")
    assert stream.texts(1) == ["in time"]
    until = time.monotonic() + PATIENCE_S
    event = True
    while event is not None and time.monotonic() < until:
        publish(guarded, "more", "short")
        event = stream.next()
    assert event is None
