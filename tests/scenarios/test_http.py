"""What a browser and a probe get: the page and its files, health, and refusals."""

import contextlib
import http.client

import pytest
import websocket

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import UPGRADE


@pytest.fixture(scope="module")
def digits(server):
    """The page's own HTML, as it is."""
    status, headers, body = server.get("/")
    assert status == 200
    return headers, body


def refusal(url, **options):
    """Try to connect and return what the server says instead."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(url, timeout=PATIENCE_S, **options)
    return caught.value


def test_the_page_is_served_with_what_protects_it(digits):
    headers, body = digits
    assert headers["Content-Type"].startswith("text/html")
    assert b"<html" in body.lower()
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_has_not_changed_is_not_sent_again(server, digits):
    headers, _ = digits
    status, again, body = server.get("/", {"If-None-Match": headers["ETag"]})
    assert (status, again["ETag"], body) == (304, headers["ETag"], b"")
    assert server.get("/", {"If-None-Match": '"another"'})[0] == 200


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-3,5-6", 200, slice(None)),
        ("lines=0-3", 200, slice(None)),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(server, digits, wanted, status, part):
    _, whole = digits
    got, _, body = server.get("/", {"Range": wanted})
    assert (got, body) == (status, whole[part])


def test_a_part_beyond_the_end_is_416(server, digits):
    _, whole = digits
    status, headers, _ = server.get("/", {"Range": f"bytes={len(whole)}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


def test_head_says_what_get_would(server, digits):
    headers, whole = digits
    status, again, body = server.get("/", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(again["Content-Length"]) == len(whole)
    assert again["ETag"] == headers["ETag"]


@pytest.mark.parametrize("path", ["/nothing", "/../wsserver/cli.py", "/%2e%2e/setup.cfg", "/.git/config", "/css/"])
def test_what_is_not_part_of_the_page_is_404(server, path):
    assert server.get(path)[0] in (400, 404)


def test_other_methods_are_405_and_say_which_are_allowed(server):
    for path in ("/", "/livez"):
        status, headers, _ = server.get(path, method="DELETE")
        assert status in (405, 501)
        if status == 405:
            assert "GET" in headers["Allow"]
    assert server.get("/", method="POST")[0] == 405


def test_a_big_file_arrives_whole_while_others_are_served(start, tmp_path):
    content = bytes(range(256)) * 40_000
    (tmp_path / "index.html").write_bytes(content)
    server = start("--set", f"server.static={tmp_path}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert server.get("/livez")[0] == 200
        assert connection.getresponse().read() == content


def test_health_is_told_in_json(server):
    for path in ("/livez", "/readyz"):
        status, headers, body = server.get(path)
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert body.startswith(b"{")


def test_a_connection_serves_several_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        for _ in range(5):
            connection.request("GET", "/livez")
            sock = connection.sock
            assert connection.getresponse().read()
            assert connection.sock is sock


def test_a_strange_origin_is_403_and_its_own_is_welcome(server, open_socket):
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{server.port + 1}"):
        assert refusal(server.ws(), origin=origin).status_code == 403
    assert open_socket(server.ws(), origin=server.address).connected
    assert open_socket(server.ws(), suppress_origin=True).connected


def test_an_origin_can_be_let_in(start, open_socket):
    server = start("--set", "server.origins=https://chat.example")
    assert open_socket(server.ws(), origin="https://chat.example").connected
    assert refusal(server.ws(), origin="https://chat.example.org").status_code == 403


def test_a_strange_host_is_421_on_every_path(server):
    for path in ("/", "/livez"):
        assert server.get(path, {"Host": "rebound.example"})[0] == 421
    assert refusal(server.ws(), host="rebound.example", suppress_origin=True).status_code == 421
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]"):
        assert server.get("/livez", {"Host": host})[0] == 200


def test_any_host_can_be_let_in(start):
    assert start("--set", "server.hosts=*").get("/livez", {"Host": "any.example"})[0] == 200


def test_an_unknown_path_is_404(server):
    assert refusal(server.ws("/nowhere")).status_code == 404


def test_another_version_is_426_and_told_which(server):
    refused = refusal(server.ws(), header={"Sec-WebSocket-Version": "8"})
    assert refused.status_code in (400, 426)
    status, headers, _ = server.get(
        "/chat",
        {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "8",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    assert (status, headers["Sec-WebSocket-Version"]) == (426, "13")


def test_a_plain_request_to_a_websocket_path_is_told_to_upgrade(server):
    status, headers, _ = server.get("/chat")
    assert (status, headers["Upgrade"].lower()) == (426, "websocket")


def test_above_the_limit_of_connections_it_is_503_and_when_to_come_back(start, open_socket):
    server = start("--set", "limits.connections=2")
    first, _ = open_socket(server.ws("/echo")), open_socket(server.ws("/echo"))
    refused = refusal(server.ws("/echo"))
    assert refused.status_code == 503
    assert int(refused.resp_headers["retry-after"]) >= 1
    first.send("still here")
    assert first.recv() == "still here"


def test_two_hosts_are_a_request_that_two_parsers_read_differently(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.connect()
        connection.sock.sendall(UPGRADE.format(path="/chat").replace("Upgrade:", "Host: evil\r\nUpgrade:", 1).encode())
        answer = b""
        while chunk := connection.sock.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
