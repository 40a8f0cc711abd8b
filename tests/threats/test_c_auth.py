"""Attacks on token mode: by those who have no token, a forged one, one that has run out, or somebody else's."""

import base64
import contextlib
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.clients.rig import decode_frames, parse_answers
from tests.threats.attacking import Attacker, ask_to_upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.access.authority import BadTokens, TokenAuthority
from wsserver.access.tokens import Verifier, mint, secret_key
from wsserver.chat.gate import LOCKED_MESSAGE
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import CLOSE, CONTINUATION, PING, TEXT

SECRET = "a secret that nobody has to keep, in tests"
SIGNER = rsa.generate_private_key(65537, 2048)
PUBLIC = SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def flags():
    return settings("presence.leave_grace=0s")


def settings(*others):
    """The flags of a server in token mode that does not wait long for the Close of an attacker."""
    given = ("auth.mode=token", f"auth.secret={SECRET}", "websocket.close_timeout=50ms", *others)
    return tuple(flag for setting in given for flag in ("--set", setting))


@pytest.fixture
def ann(server, connect):
    """Ann, who has a good token; behind the test she and a newcomer are served, and no token stands in the log."""
    lines = server.log.count("\n")
    one = enter(server, connect, "ann")
    one.join("lobby")
    yield one
    assert one.ask("message", channel="lobby", text="still here")["type"] == "ack"
    assert enter(server, connect, "new").join("other")["count"] == 1
    assert server.log.count("\n") - lines <= 1, server.log
    assert "eyJ" not in server.log  # how every token begins


def good(user="ann", **claims):
    return jwt.encode({"sub": user, "exp": time.time() + 3600, **claims}, SECRET, "HS256")


def enter(server, connect, user, **claims):
    one = connect(server)
    assert one.ask("auth", token=good(user, **claims))["type"] == "ack"
    return one


def say(type, **fields):
    return frame(TEXT, json.dumps({"type": type, **fields}).encode())


def events(data):
    """Return what the server said, as (type or close code, error code or None)."""
    heard = []
    for opcode, payload in decode_frames(data):
        if opcode == CLOSE:
            heard.append((int.from_bytes(payload[:2], "big"), None))
        elif opcode == TEXT:
            event = json.loads(payload)
            heard.append((event["type"], event.get("code")))
    return heard


# -- 46: before a token ------------------------------------------------------------------------------------------------


def test_c46_who_shows_no_token_in_time_is_closed_however_much_it_says(start):
    server = start(*settings("auth.timeout=300ms"))
    with contextlib.closing(Attacker(server)) as silent, contextlib.closing(Attacker(server)) as loud:
        for one in (silent, loud):
            one.open("/chat")
        loud.send(say("ping"), frame(PING, b"x"), say("join", channel="x"), frame(TEXT, b'{"type":"au', fin=False))
        assert events(silent.rest()) == [("welcome", None), (4501, None)]
        heard = events(loud.rest())
    assert (heard[0], heard[-1]) == (("welcome", None), (4501, None))
    assert set(heard[1:-1]) <= {("pong", None), ("error", "auth_required")}  # as far as it got


def test_c46_whoever_has_no_token_hears_nothing_and_counts_nowhere(attacker, ann):
    strangers = [attacker() for _ in range(20)]
    for one in strangers:
        one.open("/chat")
    assert ann.ask("broadcast", text="between us")["delivered"] == 1
    assert ann.ask("request", method="stats")["result"]["clients"] == 1
    for one in strangers:
        one.send(frame(CLOSE))
    assert {tuple(events(one.rest())) for one in strangers} == {(("welcome", None), (0, None))}


@pytest.mark.parametrize(
    "message",
    [
        frame(TEXT, b" " * (LOCKED_MESSAGE + 1))[:8],
        frame(TEXT, b" " * LOCKED_MESSAGE, fin=False) + frame(CONTINUATION, b" ")[:6],
        frame(TEXT, b"x" * 60_000),
    ],
    ids=["by its header", "in fragments", "whole"],
)
def test_c46_before_a_token_a_message_has_4_kib_at_most(attacker, ann, message):
    one = attacker()
    one.open("/chat")
    one.send(message)
    assert events(one.rest()) == [("welcome", None), (1009, None)]


def test_c46_a_message_of_4_kib_is_read_and_with_a_token_larger_ones_are(attacker, ann):
    one = attacker()
    one.open("/chat")
    token = say("auth", token=good("bob"), pad="x" * 3500)
    assert len(token) < LOCKED_MESSAGE
    one.send(token + say("join", channel="lobby"))
    one.send(say("message", channel="lobby", text="x" * 50_000), frame(CLOSE))
    assert [type for type, _ in events(one.rest())[:3]] == ["welcome", "ack", "joined"]
    assert len(ann.hear("message")["text"]) == 50_000


def test_c46_nothing_that_came_with_a_bad_token_is_carried_out(attacker, ann):
    one = attacker()
    one.open("/chat")
    rest = say("join", channel="lobby") + say("message", channel="lobby", text="ha") + say("broadcast", text="ha")
    one.send(rest + say("auth", token="bad") + rest)
    refusals = [("error", "auth_required")] * 3
    assert events(one.rest()) == [("welcome", None), *refusals, (4501, None)]
    assert ann.ask("presence", channel="lobby")["users"] == ["ann"]
    assert [event for event in ann.kept if event["type"] in ("message", "broadcast")] == []


def test_c46_the_ten_seconds_are_not_stretched_by_bytes_that_dribble(chat):
    house = chat()
    peer = house.connect()
    peer.upgrade("/chat")
    whole = say("auth", token=good())
    for number in range(11):
        peer.send(whole[number : number + 1])
        house.jump(1)
    assert events(peer.received()) == [("welcome", None), (4501, None)]


# -- 91: what a token does not give, or no longer ----------------------------------------------------------------------


def test_f91_beyond_a_token_everything_is_forbidden(server, connect, ann):
    ann.join("secret")
    bob = enter(server, connect, "bob", channels=["lobby"])
    for type, fields in (("join", {}), ("message", {"text": "x"}), ("presence", {}), ("history", {})):
        assert bob.ask(type, channel="secret", **fields)["code"] == "forbidden"
    listed = bob.ask("request", method="channels")["result"]["channels"]
    assert "secret" not in [entry["channel"] for entry in listed]


def test_f91_what_a_newer_token_takes_away_is_gone_at_once(server, connect, ann):
    bob = enter(server, connect, "bob")
    cid = bob.join("lobby")["cid"]
    bob.ask("auth", token=good("bob", channels=["other"]))
    assert bob.hear("error")["code"] == "forbidden"
    for type, fields in (("message", {"text": "x"}), ("presence", {}), ("history", {}), ("join", {})):
        assert bob.ask(type, channel="lobby", **fields)["code"] == "forbidden"
    bob.socket.send_binary(cid.to_bytes(4, "big") + b"x")
    assert bob.hear("error")["code"] == "not_joined"
    bob.kept.clear()
    ann.ask("message", channel="lobby", text="without bob")
    bob.ask("ping")
    assert [event for event in bob.kept if event["type"] == "message"] == []


def test_f91_a_connection_does_not_outlive_its_token_by_a_second(chat):
    house = chat()
    peer = house.open("/chat")
    peer.send(say("auth", token=good(exp=house.reactor.world.wall_ms() / 1000 + 30)) + say("join", channel="lobby"))
    for _ in range(29):
        house.jump(1)
        peer.send(say("ping"))
    assert (4501, None) not in events(peer.received())
    house.jump(1)
    assert events(peer.received()) == [(4501, None)]


def test_f91_a_token_of_somebody_else_changes_nobody(server, connect, ann):
    bob = enter(server, connect, "bob")
    assert bob.ask("auth", token=good("ann"))["code"] == "name_taken"
    assert bob.ask("join", channel="lobby", user="ann")["code"] == "name_taken"
    assert bob.ask("request", method="whoami")["result"]["user"] == "bob"


# -- 123: guessing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def chat(make_house):
    """A house whose `/chat` wants tokens; its clock is the test's."""

    def make():
        house = make_house()
        world = house.reactor.world
        bad_tokens = BadTokens(5)
        verifier = Verifier(secret_key(SECRET))
        began_ms, began = world.wall_ms(), world.time
        world.wall_ms = lambda: began_ms + round((world.time - began) * 1000)
        authority = TokenAuthority(verifier, bad_tokens, lambda: house.reactor.now, world.wall_ms)
        store = MemoryStore(world.random_bytes, lambda: house.reactor.now)
        router = ChatRouter(ChatSettings(), store, authority=authority)
        router.attach(house.registry)
        house.site.routers = {"/chat": router}
        house.bad_tokens = bad_tokens
        return house

    return make


def guess(house, address, token):
    peer = house.connect(address)
    peer.upgrade("/chat")
    peer.send(say("auth", token=token))
    return events(peer.received())[-1][0]


def test_i123_an_address_that_guesses_is_not_listened_to_for_a_while_and_others_are(chat):
    house = chat()
    guesses = [guess(house, f"192.0.2.7:{port}", f"guess-{port}") for port in range(1000, 1008)]
    assert guesses == [4501] * 5 + [4029] * 3
    assert guess(house, "192.0.2.7:2000", good()) == 4029  # its token was not looked at
    assert guess(house, "192.0.2.8:2000", good()) == "ack"
    house.jump(13)
    assert guess(house, "192.0.2.7:2000", good()) == "ack"


def test_i123_whoever_has_a_network_has_one_set_of_guesses(chat):
    house = chat()
    guesses = [guess(house, f"[2001:db8:1:2::{number:x}]:1000", "guess") for number in range(1, 9)]
    assert guesses == [4501] * 5 + [4029] * 3
    assert guess(house, "[2001:db8:1:3::1]:1000", good()) == "ack"


def test_i123_guesses_in_the_upgrade_count_too(chat):
    house = chat()
    heard = []
    for port in range(1000, 1007):
        peer = house.connect(f"192.0.2.7:{port}")
        peer.upgrade("/chat", f"Authorization: Bearer guess-{port}\r\n")
        heard.append(events(peer.received())[-1][0])
    assert heard == [4501] * 5 + [4029] * 2


def test_i123_many_addresses_are_forgotten_again(chat):
    house = chat()
    for number in range(50):
        guess(house, f"192.0.2.{number}:1000", "guess")
    assert len(house.bad_tokens) == 50
    house.jump(61)
    guess(house, "198.51.100.1:1000", "guess")
    assert len(house.bad_tokens) == 1


# -- 124: tokens that were tampered with -------------------------------------------------------------------------------


def unsigned(algorithm, claims=None, signature=b"x" * 32, **fields):
    claims = claims or {"sub": "ann", "exp": time.time() + 60}
    parts = [json.dumps({"alg": algorithm, **fields}).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed_with_the_public_key():
    body = unsigned("HS256").rpartition(".")[0]
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(body.encode(), PUBLIC)
    return body + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def promoted():
    """A good token of bob's whose claims were exchanged for ann's."""
    head, _, signature = good("bob").split(".")
    return ".".join([head, good("ann").split(".")[1], signature])


OTHER = SECRET[::-1]
FORGED = {
    "unsigned": lambda: unsigned("none", signature=b""),
    "unsigned in capitals": lambda: unsigned("NONE"),
    "signature of nothing": lambda: unsigned("HS256", signature=b""),
    "another secret": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, OTHER, "HS256"),
    "another hash": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, SECRET * 2, "HS512"),
    "another algorithm": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, SIGNER, "RS256"),
    "public key as a secret": signed_with_the_public_key,
    "claims exchanged": promoted,
    "key by url": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, OTHER, "HS256", {"jku": "http://127.0.0.1:1/"}),
    "key by path": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, OTHER, "HS256", {"kid": "../dev/null"}),
    "key inside": lambda: jwt.encode({"sub": "ann", "exp": 2**40}, OTHER, "HS256", {"jwk": {"k": OTHER, "kty": "oct"}}),
    "critical": lambda: unsigned("HS256", crit=["b64"], b64=False),
    "deep": lambda: base64.urlsafe_b64encode(b"[" * 2400).rstrip(b"=").decode() + ".e30.AA",
    "expired": lambda: good(exp=time.time() - 1),
    "no end": lambda: jwt.encode({"sub": "ann"}, SECRET, "HS256"),
    "end in words": lambda: jwt.encode({"sub": "ann", "exp": "never"}, SECRET, "HS256"),
    "not yet": lambda: good(nbf=time.time() + 60),
    "for others": lambda: good(aud="other.example"),
    "nobody": lambda: good(""),
    "a name nobody may have": lambda: good("ann\x1b[2J"),
    "channels in words": lambda: good(channels="*"),
    "cut": lambda: good()[:-1],
    "a line more": lambda: good() + "\n",
    "empty": lambda: "",
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("way", ["shown", "brought"])
def test_i124_a_token_that_was_tampered_with_opens_nothing(attacker, ann, way, name):
    token, one = FORGED[name](), attacker()
    if way == "shown":
        one.open("/chat")
        one.send(say("auth", token=token) + say("join", channel="lobby"))
    else:
        one.open("/chat", Authorization=f"Bearer {token.strip()}" + "=" * token.endswith("\n"))
        one.send(say("join", channel="lobby"))
    assert events(one.rest()) == [("welcome", None), (4501, None)]
    assert ann.ask("presence", channel="lobby")["users"] == ["ann"]


def test_i124_what_the_server_mints_itself_is_good(server, connect, ann):
    bob = connect(server)
    assert bob.ask("auth", token=mint(SECRET, "bob", int(time.time()) + 60))["type"] == "ack"


# -- 126: tokens where others read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "TOKEN"])
def test_i126_a_token_in_the_url_is_refused_so_that_nobody_gets_used_to_it(server, attacker, ann, name):
    one = attacker()
    one.send(ask_to_upgrade(f"GET /chat?a=1&{name}={good()} HTTP/1.1"))
    [(status, _, body)] = parse_answers(one.rest())
    assert (status, b"eyJ" in body) == (400, False)


def test_i126_no_token_and_no_secret_stands_in_the_most_talkative_log(start, connect):
    server = start("--log-level", "debug", *settings())
    enter(server, connect, "ann").vanish()
    for token in (good(exp=1), jwt.encode({"sub": "ann"}, OTHER, "HS256")):
        one = connect(server, header=["Authorization: Bearer " + token])
        assert one.hear_close()[0] == 4501
    assert server.get("/livez")[0] == 200
    assert server.log.count("bad_token") == 2
    assert "eyJ" not in server.log
    assert SECRET not in server.log
