import pytest

from tests.splits import portions
from wsserver.bench.address import Target
from wsserver.bench.handshake import HEAD_LIMIT, Refused, encode_request, read_answer

# The example of RFC 6455 section 1.3.
NONCE = b"the sample nonce"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
)


def test_the_request_is_that_of_the_rfc():
    request, accept = encode_request(Target("server.example.com", 80, "/chat"), NONCE, "a.b")
    assert accept == ACCEPT
    assert request.decode().split("\r\n") == [
        "GET /chat HTTP/1.1",
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: a.b",
        "",
        "",
    ]


def test_without_a_subprotocol_none_is_asked_for():
    assert b"Protocol" not in encode_request(Target("h", 80, "/"), NONCE)[0]


def test_a_good_answer_is_one_when_it_is_whole_and_not_before():
    data = f"{GOOD}\r\nrest".encode()
    for pieces in portions(data):
        so_far = b""
        for piece in pieces:
            so_far += piece
            rest = read_answer(so_far, ACCEPT)
            whole = b"\r\n\r\n" in so_far
            assert rest == (so_far.partition(b"\r\n\r\n")[2] if whole else None)


def test_a_server_may_choose_the_subprotocol_or_none():
    assert read_answer(f"{GOOD}Sec-WebSocket-Protocol: a.b\r\n\r\n".encode(), ACCEPT, "a.b") == b""
    assert read_answer(f"{GOOD}\r\n".encode(), ACCEPT, "a.b") == b""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("HTTP/1.1 503 Service Unavailable\r\n", "HTTP 503"),
        ("HTTP/1.1 200 OK\r\n", "HTTP 200"),
        ("SSH-2.0-OpenSSH\r\n", "no HTTP answer"),
        (GOOD.replace(ACCEPT, "x"), "a wrong Sec-WebSocket-Accept"),
        (GOOD.replace("Accept", "Axept"), "a wrong Sec-WebSocket-Accept"),
        (GOOD + f"Sec-WebSocket-Accept: {ACCEPT}\r\n", "a wrong Sec-WebSocket-Accept"),
        (GOOD.replace("Upgrade: websocket", "Upgrade: h2c"), "101 without an upgrade"),
        (GOOD.replace("Connection: Upgrade", "Connection: close"), "101 without an upgrade"),
        (GOOD + "Sec-WebSocket-Extensions: permessage-deflate\r\n", "an extension that nobody asked for"),
        (GOOD + "Sec-WebSocket-Protocol: other\r\n", "a subprotocol that nobody asked for"),
    ],
)
def test_a_refusal_is_named_by_its_kind(answer, why):
    with pytest.raises(Refused) as caught:
        read_answer(f"{answer}\r\n".encode(), ACCEPT)
    assert str(caught.value) == why


def test_a_head_without_end_is_no_answer():
    assert read_answer(b"x" * HEAD_LIMIT, ACCEPT) is None
    with pytest.raises(Refused):
        read_answer(b"x" * (HEAD_LIMIT + 1), ACCEPT)
