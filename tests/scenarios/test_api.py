"""The HTTP API of a running server, as other programs use it."""

import http.client
import json
import signal
import socket

import pytest

from tests.scenarios.calling import KEY, WITH_KEY, call, publish
from tests.scenarios.running import PATIENCE_S, RunningServer


@pytest.fixture(scope="module")
def server():
    running = RunningServer("--port", "0", *WITH_KEY)
    yield running
    running.stop()


def raw(path, body=b"", method="POST", extra=""):
    """A request as bytes, with the key."""
    head = f"{method} /api/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answers(sock, count):
    """Read that many answers; return [(status, JSON)]."""
    found = []
    stream = sock.makefile("rb")
    for _ in range(count):
        status = int(stream.readline().split()[1])
        headers = http.client.parse_headers(stream)
        found.append((status, json.loads(stream.read(int(headers["Content-Length"])))))
    return found


def test_what_a_program_publishes_is_heard_and_kept(server, connect):
    ann, bob = connect(server, "ann", "news"), connect(server, "bob", "news")
    first = publish(server, "one", "news")
    assert (first["seq"], first["delivered"], first["duplicate"]) == (1, 2, False)
    assert publish(server, "two", "news", user="robot")["seq"] == 2
    for talker in (ann, bob):
        heard = [talker.hear("message") for _ in range(2)]
        assert [(event["seq"], event["user"], event["text"]) for event in heard] == [
            (1, "server", "one"), (2, "robot", "two"),
        ]  # fmt: skip
    joined = connect(server).join("news", "cat")
    assert joined["epoch"] == first["epoch"]
    status, page = call(server, "channels/news/history?limit=50")
    assert (status, page["messages"]) == (200, joined["messages"])


def test_members_and_programs_share_one_order(server, connect):
    ann = connect(server, "ann", "order")
    seqs = []
    for number in range(10):
        seqs.append(publish(server, f"p{number}", "order")["seq"])
        seqs.append(ann.ask("message", channel="order", text=f"a{number}")["seq"])
    assert seqs == list(range(1, 21))
    assert [ann.hear("message")["seq"] for _ in range(20)] == seqs


def test_a_key_makes_it_safe_to_ask_again(server, connect):
    ann = connect(server, "ann", "again")
    first, second = (publish(server, "once", "again", key="k1") for _ in range(2))
    assert (first["seq"], second["seq"], first["duplicate"], second["duplicate"]) == (1, 1, False, True)
    assert ann.hear("message")["text"] == "once"
    assert ann.is_quiet()


def test_a_broadcast_a_direct_message_and_a_topic_reach_whom_they_are_for(server, connect):
    ann, bob = connect(server, "ann-2", "rooms"), connect(server, "bob-2", "rooms")
    ann.ask("subscribe", topic="prices.*")
    status, answer = call(server, "broadcast", {"text": "to all"})
    assert status == 200
    assert answer["delivered"] >= 2
    assert ann.hear("broadcast")["text"] == bob.hear("broadcast")["text"] == "to all"
    assert call(server, "direct", {"to": "bob-2", "text": "psst"}) == (200, {"delivered": 1})
    assert bob.hear("direct")["text"] == "psst"
    assert call(server, "topics/publish", {"topic": "prices.tea", "data": [1, {"a": None}]}) == (200, {"delivered": 1})
    assert ann.hear("event")["data"] == [1, {"a": None}]
    assert call(server, "direct", {"to": "nobody", "text": "psst"}) == (200, {"delivered": 0})
    assert call(server, "topics/publish", {"topic": "none", "data": 1}) == (200, {"delivered": 0})


def test_who_is_disconnected_is_told_not_to_come_back(server, connect):
    first, second, other = (connect(server, user, "rooms") for user in ("eve", "eve", "adam"))
    assert call(server, "disconnect", {"user": "eve"}) == (200, {"disconnected": 2})
    assert first.hear_close()[0] == second.hear_close()[0] == 4503
    assert call(server, "disconnect", {"user": "eve"}) == (200, {"disconnected": 0})
    assert other.ask("ping")["type"] == "pong"


def test_channels_and_who_is_in_them_are_listed(server, connect):
    for user in ("ann", "bob"):
        connect(server, user, "a room/with a slash")
    status, listed = call(server, "channels")
    assert status == 200
    assert {"channel": "a room/with a slash", "count": 2} in listed["channels"]
    status, present = call(server, "channels/a%20room%2Fwith%20a%20slash/presence")
    assert (status, present["users"], present["count"]) == (200, ["ann", "bob"], 2)


def test_connections_are_listed_with_what_they_said_and_heard(server, connect):
    talker = connect(server, "talker", "numbers")
    for _ in range(3):
        talker.ask("message", channel="numbers", text="x")
    status, listed = call(server, "connections?sort=age&limit=1000")
    assert status == 200
    by_user = {entry["user"]: entry for entry in listed["connections"]}
    entry = by_user["talker"]
    assert (entry["client"], entry["state"]) == (talker.welcome["client"], "OPEN")
    assert entry["messages_in"] == 4  # join and three messages
    assert entry["messages_out"] == 8  # welcome and joined, three messages and three acks
    assert entry["address"].startswith("127.0.0.1:")
    ages = [entry["age"] for entry in listed["connections"]]
    assert ages == sorted(ages, reverse=True)
    assert len(call(server, "connections?limit=1")[1]["connections"]) == 1


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", KEY[:-1]])
def test_without_the_key_nothing_is_told_and_nothing_done(server, key):
    for path, body in (("publish", {"channel": "shut", "text": "x"}), ("channels", None), ("nothing", None)):
        assert call(server, path, body, key)[0] == 401
    assert call(server, "channels/shut/history")[1]["messages"] == []


def test_without_a_key_in_the_settings_there_is_no_api(start):
    server = start()
    for path, body in (("publish", {"channel": "c", "text": "x"}), ("channels", None), ("", None)):
        assert call(server, path, body)[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("publish", {"channel": "c"}, "text"),
        ("publish", {"channel": "c", "text": 7}, "text"),
        ("publish", {"channel": "*", "text": "x"}, "channel"),
        ("direct", {"text": "x"}, "to"),
        ("topics/publish", {"topic": "t"}, "data"),
        ("disconnect", {}, "user"),
    ],
)
def test_a_bad_body_is_400_with_the_field(server, path, body, field):
    status, answer = call(server, path, body)
    assert (status, answer["field"]) == (400, field)
    assert field in answer["error"]


def test_wrong_methods_and_paths_are_told_apart(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    headers = {"Authorization": f"Bearer {KEY}"}
    for method, path, status, allow in (
        ("GET", "publish", 405, "POST"),
        ("POST", "channels", 405, "GET, HEAD"),
        ("GET", "nothing", 404, None),
        ("GET", "channels", 200, None),
    ):
        connection.request(method, f"/api/{path}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Allow"]) == (status, allow)  # all on one connection
    connection.close()


@pytest.mark.parametrize(
    ("extra", "status"),
    [("Content-Length: 70000\r\n", 413), ("Transfer-Encoding: chunked\r\n", 413), ("Content-Length: x\r\n", 400)],
)
def test_a_body_too_large_is_refused_before_it_comes_and_in_json(server, extra, status):
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(f"POST /api/publish HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
        if "chunked" in extra:
            sock.sendall(b"20000\r\n")
        [(got, answer)] = answers(sock, 1)
        assert got == status
        assert answer["error"]


def test_a_body_may_come_in_chunks_or_upon_an_invitation(server):
    body = json.dumps({"channel": "chunks", "text": "x" * 2000}).encode()
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        head = raw("publish").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        sock.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert answers(sock, 1)[0][1]["seq"] == 1
        head, _, _ = raw("publish", body, extra="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert answers(sock, 1)[0][1]["seq"] == 2


def test_calls_in_one_piece_are_answered_in_their_order(server):
    bodies = [json.dumps({"channel": "pipe", "text": str(number)}).encode() for number in range(40)]
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(b"".join(raw("publish", body) for body in bodies) + raw("nothing") + raw("channels", method="GET"))
        found = answers(sock, 42)
    assert [answer["seq"] for _, answer in found[:40]] == list(range(1, 41))
    assert [status for status, _ in found[40:]] == [404, 200]


@pytest.mark.parametrize("durability", ["process", "power"])
def test_what_was_answered_for_is_there_after_a_kill(start, connect, tmp_path, durability):
    flags = (*WITH_KEY, "--store", f"sqlite:{tmp_path / 'chat.db'}", "--set", f"store.durability={durability}")
    server = start(*flags)
    bodies = [json.dumps({"channel": "kept", "text": str(number), "key": str(number)}).encode() for number in range(20)]
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(b"".join(raw("publish", body) for body in bodies))
        found = [answer for _, answer in answers(sock, 20)]
    server.signal(signal.SIGKILL)
    server.wait()
    server = start(*flags)
    assert [answer["seq"] for answer in found] == list(range(1, 21))
    _, page = call(server, "channels/kept/history")
    assert page["epoch"] == found[0]["epoch"]
    assert [message["text"] for message in page["messages"]] == [str(number) for number in range(20)]
    again = publish(server, "7", "kept", key="7")
    assert (again["seq"], again["duplicate"]) == (8, True)


def test_a_client_that_does_not_wait_for_the_answer_has_published_all_the_same(start, tmp_path):
    server = start(*WITH_KEY, "--store", f"sqlite:{tmp_path / 'chat.db'}", "--set", "store.durability=power")
    body = json.dumps({"channel": "c", "text": "sent"}).encode()
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(raw("publish", body))
    assert publish(server, "behind it", "c")["seq"] == 2


def test_while_the_server_drains_calls_are_503_in_json(start, connect):
    server = start(*WITH_KEY, "--set", "server.drain=300ms")
    ann = connect(server, "ann", "lobby")
    server.signal(signal.SIGTERM)
    ann.hear("goaway")
    status, answer = call(server, "publish", {"channel": "lobby", "text": "x"})
    assert (status, answer["retry"]) == (503, True)
    ann.hear_close()
    assert server.wait() == 0


def test_those_who_do_not_read_come_first(start, connect):
    server = start(*WITH_KEY, "--set", "limits.queue=16MiB")
    reader, silent = connect(server, "reader", "lobby"), connect(server, "silent", "lobby")
    for number in range(160):
        publish(server, "y" * 50_000)
        assert reader.hear("message")["seq"] == number + 1
    [first] = call(server, "connections?sort=pending&limit=1")[1]["connections"]
    assert first["user"] == "silent"
    assert first["pending"] > 50_000
    silent.vanish()
