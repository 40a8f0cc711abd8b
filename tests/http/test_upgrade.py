import time

import pytest

from tests.http.reading import parse, request
from wsserver.http.errors import RequestError
from wsserver.http.extensions import Offer
from wsserver.http.upgrade import (
    SUBPROTOCOLS_LOOKED_AT,
    Upgrade,
    accept_key,
    check_upgrade,
    choose_subprotocol,
    encode_switching_protocols,
    wants_websocket,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
RIGHT = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Key": KEY,
    "Sec_WebSocket_Version": "13",
}


def upgrade(method="GET", minor_version=1, **changes):
    """Return an upgrade request with some headers changed, or left out where the change is None."""
    headers = {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}
    return request(method, "/chat", minor_version, **headers)


def test_right_upgrade_passes():
    assert check_upgrade(upgrade()) == Upgrade(KEY, (), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "foo, websocket"},
        {"Upgrade": ["h2c", "websocket"]},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": ["keep-alive", "UPGRADE"]},
        {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"Sec_WebSocket_Extensions": 'constructor; __proto__=1; x="quoted"'},
    ],
)
def test_other_right_ways_to_say_it_pass_too(changes):
    assert check_upgrade(upgrade(**changes)).key


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (405, {"method": "POST"}),
        (405, {"method": "HEAD"}),
        (400, {"minor_version": 0}),
        (426, {"Upgrade": None}),
        (426, {"Upgrade": "h2c"}),
        (426, {"Upgrade": "websocket/13"}),
        (426, {"Upgrade": "xwebsocket"}),
        (400, {"Connection": None}),
        (400, {"Connection": "keep-alive"}),
        (400, {"Connection": "upgrade-insecure-requests"}),
        (400, {"Content_Length": "0"}),
        (400, {"Transfer_Encoding": "chunked"}),
        (426, {"Sec_WebSocket_Version": None}),
        (426, {"Sec_WebSocket_Version": "8"}),
        (426, {"Sec_WebSocket_Version": "013"}),
        (426, {"Sec_WebSocket_Version": "13, 8"}),
        (426, {"Sec_WebSocket_Version": ["13", "13"]}),
        (400, {"Sec_WebSocket_Key": None}),
        (400, {"Sec_WebSocket_Key": ""}),
        (400, {"Sec_WebSocket_Key": [KEY, KEY]}),
        (400, {"Sec_WebSocket_Key": KEY[:-1]}),
        (400, {"Sec_WebSocket_Key": KEY + "="}),
        (400, {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZSE="}),  # 17 bytes
        (400, {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25j"}),  # 15 bytes
        (400, {"Sec_WebSocket_Key": "dGhl IHNhbXBsZSBub25jZ=="}),
        (400, {"Sec_WebSocket_Key": "dGhl-HNhbXBsZSBub25jZQ=="}),
        (400, {"Sec_WebSocket_Key": "A" * 1024}),
        (400, {"Sec_WebSocket_Protocol": "a b"}),
        (400, {"Sec_WebSocket_Protocol": 'a, "b"'}),
    ],
)
def test_wrong_upgrade_is_refused(status, changes):
    raw = upgrade(**changes) if "Transfer_Encoding" not in changes else chunked_upgrade()
    with pytest.raises(RequestError) as caught:
        check_upgrade(raw)
    assert caught.value.status == status


def chunked_upgrade():
    lines = [b"GET /chat HTTP/1.1", b"Host: a", b"Upgrade: websocket", b"Connection: Upgrade"]
    lines += [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY.encode(), b"Transfer-Encoding: chunked"]
    return parse(b"\r\n".join(lines) + b"\r\n\r\n0\r\n\r\n")


def test_refused_version_is_told_the_right_one():
    with pytest.raises(RequestError) as caught:
        check_upgrade(upgrade(Sec_WebSocket_Version="12"))
    assert dict(caught.value.headers) == {"Sec-WebSocket-Version": "13", "Upgrade": "websocket"}


def test_refused_method_is_told_the_right_one():
    with pytest.raises(RequestError) as caught:
        check_upgrade(upgrade("POST"))
    assert caught.value.headers == (("Allow", "GET"),)


def test_only_a_websocket_is_wanted():
    assert wants_websocket(upgrade())
    assert wants_websocket(upgrade(Sec_WebSocket_Key=None))  # correctly or not
    assert not wants_websocket(upgrade(Upgrade="h2c"))
    assert not wants_websocket(request())


def test_subprotocols_come_in_their_order_from_all_lines():
    offered = upgrade(Sec_WebSocket_Protocol=["a, ,b", "c"])
    assert check_upgrade(offered).subprotocols == ("a", "b", "c")


def test_endless_offers_are_not_looked_at():
    names = [f"p{i}" for i in range(1000)]
    offered = upgrade(Sec_WebSocket_Protocol=", ".join(names))
    assert check_upgrade(offered).subprotocols == tuple(names[:SUBPROTOCOLS_LOOKED_AT])


@pytest.mark.parametrize("filler", [" ", ",", ";", " ,", "a,", '"'])
def test_hostile_offers_take_no_time(filler):
    value = "a" + filler * (8000 // len(filler)) + "b"
    raw = upgrade(Sec_WebSocket_Protocol=value, Sec_WebSocket_Extensions=value)
    started = time.process_time()
    for _ in range(10):
        try:
            check_upgrade(raw)
        except RequestError:
            pass
    assert time.process_time() - started < 0.1


def test_extensions_are_handed_on_as_they_came():
    raw = upgrade(Sec_WebSocket_Extensions=["permessage-deflate; client_max_window_bits", "x"])
    offers = (Offer("permessage-deflate", (("client_max_window_bits", None),)), Offer("x", ()))
    assert check_upgrade(raw).extensions == offers


def test_proof_is_the_one_of_the_rfc():
    assert accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [((), None), (("x",), None), (("b",), "b"), (("b", "a"), "b"), (("x", "a", "b"), "a"), (("A",), None)],
)
def test_client_gets_what_it_likes_best_of_what_is_known(offered, chosen):
    assert choose_subprotocol(offered, ("a", "b")) == chosen


def test_answer_opens_the_websocket():
    assert encode_switching_protocols(Upgrade(KEY, (), ()), None) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )


def test_answer_names_what_was_agreed():
    answer = encode_switching_protocols(Upgrade(KEY, (), ()), "wsserver.v1.json", "permessage-deflate")
    assert b"\r\nSec-WebSocket-Protocol: wsserver.v1.json\r\n" in answer
    assert answer.endswith(b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")


def test_nothing_breaks_out_of_the_answer():
    with pytest.raises(AssertionError):
        encode_switching_protocols(Upgrade(KEY, (), ()), "a\r\nX: b")
