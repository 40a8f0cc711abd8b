"""Attacks on the opening handshake (RFC 6455 section 4.2): whatever is refused gets an HTTP answer, and the end."""

import contextlib

import pytest

from tests.clients.rig import KEY, decode_frames, get, parse_answers, upgrade
from tests.clients.ways import stuck_handshake
from tests.scenarios.talking import open_raw
from tests.threats.attacking import ask_to_upgrade, cpu_seconds
from tests.threats.conftest import assert_served
from tests.websocket.frames_by_hand import frame, header
from wsserver.clients.states import State
from wsserver.websocket.codes import BINARY, TEXT

GOOD = "https://good.com"
SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def flags():
    return ("--set", f"server.origins={GOOD}")


def refusal(attacker, request):
    """Send a request with another one and a frame behind it; return the one answer that comes before the end."""
    one = attacker()
    one.send(request + SMUGGLED + frame(TEXT, b"smuggled"))
    one.send(SMUGGLED)
    [(status, headers, body)] = parse_answers(one.rest())
    assert headers["connection"] == "close"
    assert headers["content-type"].startswith("text/plain")
    assert body
    return status, headers


# -- 36 to 39: requests that are no correct upgrade --------------------------------------------------------------------


VERSIONS = [None, "", "0", "8", "12", "14", "013", "13.0", "13, 8", "-13", "\xb9", ["13", "13"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_c36_another_version_is_answered_426_and_nothing_behind_it_is_looked_at(attacker, version):
    status, headers = refusal(attacker, ask_to_upgrade(Sec_WebSocket_Version=version))
    assert status == 426
    assert headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("path", ["/chat", "/echo"])
def test_c36_a_refusal_is_the_same_when_it_comes_byte_by_byte(attacker, path):
    one = attacker()
    one.dribble(ask_to_upgrade(f"GET {path} HTTP/1.1", Sec_WebSocket_Version="8") + SMUGGLED)
    assert one.answers() == [426]


def test_c36_a_kept_connection_ends_with_its_refused_upgrade(attacker):
    one = attacker()
    one.send(SMUGGLED + SMUGGLED + ask_to_upgrade(Sec_WebSocket_Version="8") + SMUGGLED)
    assert one.answers() == [200, 200, 426]


REFUSED = {
    "no upgrade at all": (426, ask_to_upgrade(Upgrade=None)),
    "key": (400, ask_to_upgrade(Sec_WebSocket_Key="x")),
    "origin": (403, ask_to_upgrade(Origin="null")),
    "path": (404, ask_to_upgrade("GET /nowhere HTTP/1.1")),
    "path of a page": (404, ask_to_upgrade("GET /livez HTTP/1.1")),
    "method": (405, ask_to_upgrade("DELETE /echo HTTP/1.1")),
    "host": (421, ask_to_upgrade(Host="evil.example")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_c36_behind_any_refusal_nothing_is_answered(attacker, name):
    status, request = REFUSED[name]
    assert refusal(attacker, request)[0] == status


KEYS = {
    "none": None,
    "empty": "",
    "two": [KEY, KEY],
    "two that differ": [KEY, "AAAAAAAAAAAAAAAAAAAAAA=="],
    "two in a list": f"{KEY}, {KEY}",
    "15 bytes": "dGhlIHNhbXBsZSBub25j",
    "17 bytes": "dGhlIHNhbXBsZSBub25jZSE=",
    "32 bytes": "A" * 43 + "=",
    "not padded": KEY.rstrip("="),
    "padded twice over": KEY + "==",
    "URL alphabet": "-_hlIHNhbXBsZSBub25jZQ==",
    "space inside": "dGhlIHNhbXBs ZSBub25jZ==",
    "no ASCII": "\xe9" * 22 + "==",
    "1 KiB": "A" * 1022 + "==",
    "7 KiB": "A" * 7 * 1024,
}


@pytest.mark.parametrize("name", KEYS)
def test_c37_a_key_that_is_not_16_bytes_in_base64_is_answered_400(attacker, name):
    assert refusal(attacker, ask_to_upgrade(Sec_WebSocket_Key=KEYS[name]))[0] == 400


@pytest.mark.parametrize("name", ["h2c", "", None, "websockets", "xwebsocket", "websocket/13", "web socket"])
def test_c38_an_upgrade_to_anything_else_is_answered_426(attacker, name):
    assert refusal(attacker, ask_to_upgrade(Upgrade=name, HTTP2_Settings="AAMAAABkAAQCAAAAAAIAAAAA"))[0] == 426


@pytest.mark.parametrize("connection", [None, "", "keep-alive", "close", "upgrade-insecure-requests", "up grade"])
def test_c38_without_the_connection_token_it_is_answered_400(attacker, connection):
    assert refusal(attacker, ask_to_upgrade(Connection=connection))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "foo, websocket"},
        {"Upgrade": "WebSocket,h2c"},
        {"Upgrade": ["h2c", ",, WEBSOCKET"]},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": ["keep-alive", "UPGRADE"]},
    ],
)
def test_c38_only_websocket_is_granted_wherever_it_stands_in_the_list(attacker, changes):
    one = attacker()
    head = one.open(**changes)
    assert b"\r\nUpgrade: websocket\r\n" in head
    assert b"h2c" not in head
    one.send(frame(TEXT, b"hi"))
    assert one.read(4) == b"\x81\x02hi"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_c39_only_get_opens_a_websocket(attacker, method):
    one = attacker()
    one.send(ask_to_upgrade(f"{method} /echo HTTP/1.1") + SMUGGLED)
    head, _, _ = one.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET" in head


def test_c39_http_1_0_opens_no_websocket(attacker):
    assert refusal(attacker, ask_to_upgrade("GET /echo HTTP/1.0"))[0] == 400


BODIES = {
    "length 0": ask_to_upgrade(Content_Length="0"),
    "length 5": ask_to_upgrade(Content_Length="5") + b"12345",
    "chunked": ask_to_upgrade(Transfer_Encoding="chunked") + b"5\r\n12345\r\n0\r\n\r\n",
    "both": ask_to_upgrade(Transfer_Encoding="chunked", Content_Length="5") + b"0\r\n\r\n",
    "a request as body": ask_to_upgrade(Content_Length=str(len(SMUGGLED))) + SMUGGLED,
}


@pytest.mark.parametrize("name", BODIES)
def test_c39_an_upgrade_with_a_body_is_answered_400(attacker, name):
    assert refusal(attacker, BODIES[name])[0] == 400


# -- 40 and 41: whose page is it ---------------------------------------------------------------------------------------

FOREIGN = [
    "null", "", "*", "good.com", "//good.com", "https://", "https://*.com", "https://good.com.evil.com",
    "https://evilgood.com", "https://evil.com/good.com", "https://good.com@evil.com", "https://evil.com#https://good.com",
    "https://good.co", "https://good.comx", "https://good.com.", "https://good.com/", "https://good.com%2eevil.com",
    "https://good.com:444", "http://good.com", "https://good.com https://evil.com", "https://good.com, https://evil.com",
    "https://evil.com, https://good.com", "https://xgood.com", "https://goodxcom", "https://good.com\t.evil.com",
    "file://", "chrome-extension://good.com", "wss://good.com", "http://localhost:1", "http://127.0.0.1:1",
    "http://localhost.evil.com", "http://evillocalhost", "https://g\xf6od.com", ["https://good.com", "https://evil.com"],
    ["https://good.com", "https://good.com"], ["null", "https://good.com"],
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/chat", "/echo"])
def test_c40_a_page_from_elsewhere_is_answered_403_and_never_101(attacker, origin, path):
    assert refusal(attacker, ask_to_upgrade(f"GET {path} HTTP/1.1", Origin=origin))[0] == 403


def test_c40_a_good_origin_earlier_on_the_connection_is_no_pass_for_a_bad_one(attacker):
    one = attacker()
    good = SMUGGLED.replace(b"\r\n\r\n", b"\r\nOrigin: https://good.com\r\n\r\n")
    one.send(good + ask_to_upgrade(Origin="https://evil.com"))
    assert one.answers() == [200, 403]


def test_c40_pages_that_may_come_do(server, attacker):
    attacker().open(Origin=GOOD)
    own = f"localhost:{server.port}"
    attacker().open(Host=own, Origin=f"http://{own}")


def test_c41_who_names_no_origin_is_no_browser_and_may_come_but_a_cookie_gives_it_nothing(attacker):
    assert b"ookie" not in attacker().open("/echo")
    one = attacker()
    assert b"ookie" not in one.open("/chat", Cookie="session=admin; user=root")
    kind, size = one.read(2)
    welcome = one.read(int.from_bytes(one.read(2), "big") if size == 126 else size)
    assert (kind, b'"user":null' in welcome) == (0x81, True)


# -- 42 and 43: offers -------------------------------------------------------------------------------------------------

UPGRADES = 40
CPU_S_EACH = 0.01
"""Some twenty times what an upgrade with a header of 8 KiB takes; a reading that goes back would take seconds."""


@pytest.mark.parametrize("filler", [" ", ",", ";", " ,", "a,", "a;", '"', "a=", '\\"', ";=,", "\t "])
def test_c42_offers_of_8_kib_are_read_in_linear_time(server, attacker, filler):
    value = "a" + filler * (7900 // len(filler)) + "b"
    for header_name in ("Sec_WebSocket_Protocol", "Sec_WebSocket_Extensions"):
        before = cpu_seconds(server)
        for _ in range(UPGRADES):
            one = attacker()
            one.send(ask_to_upgrade("GET /chat HTTP/1.1", **{header_name: value}))
            assert one.read(12) in (b"HTTP/1.1 101", b"HTTP/1.1 400")
            one.close()
        assert cpu_seconds(server) - before < UPGRADES * CPU_S_EACH


def test_c42_the_ninth_subprotocol_is_not_looked_at(attacker):
    unknown = ", ".join(f"p{number}" for number in range(8))
    ninth, eighth = f"{unknown}, wsserver.v1.json", f"{unknown[:-4]}, wsserver.v1.json"
    assert b"Sec-WebSocket-Protocol" not in attacker().open("/chat", Sec_WebSocket_Protocol=ninth)
    assert b"wsserver.v1.json" in attacker().open("/chat", Sec_WebSocket_Protocol=eighth)


STRANGE_OFFERS = [
    "constructor", "__proto__", "__class__", "permessage-deflate; __class__=1", "permessage-deflate; constructor",
    "x; a; a; a", 'x; a="unterminated', 'x; a="', '"', ";", ",", "=", "x=;", "x; =1", "x y z", "x; a=\xff",
    'permessage-deflate; client_max_window_bits="', "x-webkit-deflate-frame, mux; max-channels=4", "\x80",
]  # fmt: skip


@pytest.mark.parametrize("offer", STRANGE_OFFERS)
def test_c43_a_strange_extension_is_declined_or_refused_and_hurts_nobody(attacker, offer):
    one = attacker()
    one.send(ask_to_upgrade(Sec_WebSocket_Extensions=offer))
    if one.read(12) == b"HTTP/1.1 400":
        one.rest()
        return
    while one.read(1) != b"\n" or one.read(2) != b"\r\n":
        pass
    one.send(frame(TEXT, b"hi"))
    assert one.read(4) == b"\x81\x02hi"


@pytest.mark.parametrize("name", ["constructor", "__proto__", "__class__", "toString", "subprotocols"])
def test_c43_a_subprotocol_with_a_strange_name_is_not_known(attacker, name):
    assert b"Sec-WebSocket-Protocol" not in attacker().open("/chat", Sec_WebSocket_Protocol=name)


# -- 45 and 47: around the 101 -----------------------------------------------------------------------------------------


def test_c45_frames_in_the_segment_of_the_upgrade_are_heard_after_the_101(attacker):
    one = attacker()
    one.send(ask_to_upgrade() + frame(TEXT, b"one") + frame(BINARY, b"two") + frame(TEXT, b"three"))
    one.read_head()
    assert one.read(17) == b"\x81\x03one\x82\x03two\x81\x05three"


def test_c45_upgrade_and_frames_may_be_cut_anywhere(house):
    data = upgrade("/echo") + frame(TEXT, b"early") + frame(TEXT, b"bird")
    for cut in range(1, len(data)):
        peer = house.connect()
        peer.send(data[:cut], turns=2)
        peer.send(data[cut:], turns=2)
        head, _, frames = peer.received().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert decode_frames(frames) == [(TEXT, b"early"), (TEXT, b"bird")], cut
        peer.hang_up()


def test_c45_early_bytes_have_the_limits_of_all_others(attacker):
    one = attacker()
    one.send(ask_to_upgrade() + header(BINARY, 65537))
    one.read_head()
    assert one.close_code() == 1009
    two = attacker()
    two.send(ask_to_upgrade() + frame(BINARY, bytes(65536)))
    two.read_head()
    assert two.read(10 + 65536)[10:] == bytes(65536)


def test_c45_frames_ahead_of_the_upgrade_are_no_http(attacker):
    one = attacker()
    one.send(frame(TEXT, b"too early") + b"\r\n\r\n" + ask_to_upgrade())
    assert one.answers() == [400]


def test_c47_who_goes_before_the_101_has_left_leaves_nothing(house):
    peer = stuck_handshake(house)
    peer.hang_up()
    assert peer.client.state is State.GONE
    assert peer.buried
    assert house.router.heard == []
    assert house.registry.clients == set()


def test_c47_who_goes_in_the_segment_of_the_upgrade_leaves_nothing(server, attacker):
    for _ in range(300):
        one = attacker()
        one.send(ask_to_upgrade("GET /chat HTTP/1.1") + frame(TEXT, b'{"type":"join","channel":"c"}'))
        one.reset()


def test_c47_who_ends_its_side_behind_the_upgrade_still_gets_its_answer(attacker):
    one = attacker()
    one.send(ask_to_upgrade() + frame(TEXT, b"last"))
    one.finish()
    head, _, frames = one.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert decode_frames(frames) == [(TEXT, b"last")]


# -- 48: many ----------------------------------------------------------------------------------------------------------


def test_c48_thousands_of_handshakes_from_one_address_do_not_keep_an_honest_client_waiting(server, attacker):
    with open_raw(server.port) as honest:
        for _ in range(30):
            with contextlib.ExitStack() as behind:
                crowd = [attacker() for _ in range(60)]
                for one in crowd:
                    behind.callback(one.close)
                    one.send(ask_to_upgrade("GET /chat HTTP/1.1"))
                assert_served(honest)


def test_c48_thousands_of_refused_upgrades_on_kept_connections_are_answered(house):
    for _ in range(40):
        peer = house.connect()
        peer.send(get() * 50 + upgrade().replace(b"Version: 13", b"Version: 8"), turns=6)
        statuses = [status for status, _, _ in parse_answers(peer.received())]
        assert statuses == [200] * 50 + [426]
        peer.hang_up()
    assert house.registry.clients == set()
