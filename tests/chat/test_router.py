"""The router: sessions, dispatch, errors and their rows. What a command does is tested with the part that does it."""

import json

import pytest

from tests.chat.fakes import NOON_MS, FakePeer, FakeSurroundings, World, upgrade_request
from wsserver import __version__
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import ProtobufCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.router import ChatRouter, find_token
from wsserver.chat.settings import ChatSettings
from wsserver.chat.vocabulary import COMMAND_TYPES, Relay
from wsserver.chat.wsserver_pb2 import Envelope
from wsserver.http.errors import RequestError
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import BINARY


class OtherCodec(JsonCodec):
    """JSON in binary messages: stands for any codec that is not the default."""

    opcode = BINARY


def test_welcome_is_the_first_message_of_every_connection() -> None:
    world = World(heartbeat_s=25.0, max_message=65536)
    peer = FakePeer("abcdefghijkl")
    world.router.on_open(peer)
    assert [json.loads(payload) for _, payload in peer.sent] == [
        {
            "type": "welcome",
            "client": "abcdefghijkl",
            "user": None,
            "server": f"wsserver/{__version__}",
            "heartbeat": 25,
            "max_message": 65536,
        }
    ]


def test_every_command_of_the_vocabulary_is_carried_out_by_somebody() -> None:
    world = World()
    commands = set(world.router._commands) - {Relay}
    assert {command.__struct_config__.tag for command in commands} == COMMAND_TYPES


def test_ping_is_answered_with_the_time_and_the_id() -> None:
    assert World().connect().ask("ping", id="p1") == {"type": "pong", "ts": NOON_MS, "id": "p1"}


def test_auth_is_acked_where_nobody_has_to_prove_who_they_are() -> None:
    assert World().connect().ask("auth", token="anything", id=1) == {"type": "ack", "id": 1}


def test_an_error_has_a_code_a_sentence_and_whether_to_retry_and_keeps_the_connection_open() -> None:
    client = World().connect()
    error = client.ask("message", channel="lobby", text="hi", id=7)
    assert error.pop("message").startswith("You are not a member")
    assert error == {"type": "error", "code": "not_joined", "retry": False, "id": 7}
    assert client.peer.closed is None


def test_an_error_without_an_id_in_the_command_has_none() -> None:
    assert "id" not in World().connect().ask("message", channel="lobby", text="hi")


@pytest.mark.parametrize("bad", [b"{", b'{"type":"join"}', b"[]", b'{"type":"message","channel":1}'])
def test_five_bad_messages_in_a_row_are_answered_and_then_the_connection_is_closed(bad: bytes) -> None:
    client = World().connect()
    for _ in range(4):
        client.raw(bad)
    assert client.peer.closed is None
    client.raw(bad)
    assert [event["code"] in ("bad_json", "bad_message") for event in client.hear()] == [True] * 5
    assert client.peer.closed is not None
    assert client.peer.closed[0] == 1008


def test_a_good_message_ends_the_row_of_bad_ones() -> None:
    client = World().connect()
    for _ in range(3):
        for _ in range(4):
            client.raw(b"{")
        client.say("ping")
    assert client.peer.closed is None


def test_other_errors_do_not_count_in_the_row() -> None:
    client = World().connect()
    for _ in range(20):
        client.say("message", channel="lobby", text="not joined")
        client.say("dance")
    assert client.peer.closed is None


def test_bad_frames_of_both_kinds_count_in_one_row() -> None:
    client = World().connect()
    for _ in range(3):
        client.raw(b"{")
    for _ in range(2):
        client.raw(b"abc", BINARY)
    assert client.peer.closed is not None


def test_a_message_above_the_rate_is_refused_with_its_id_and_may_be_retried() -> None:
    client = World().connect("ann")
    client.world.router.on_limited(client.peer, b'{"type":"message","channel":"lobby","text":"x","id":"m9"}', 1)
    (error,) = client.hear()
    assert (error["code"], error["retry"], error["id"]) == ("rate_limited", True, "m9")


def test_a_binary_message_above_the_rate_is_refused_without_an_id() -> None:
    client = World().connect()
    client.world.router.on_limited(client.peer, b'{"id":3}', BINARY)
    (error,) = client.hear()
    assert error["code"] == "rate_limited"
    assert "id" not in error


def test_a_draining_server_says_goaway_and_when_to_come_back() -> None:
    client = World().connect()
    client.world.router.on_drain(client.peer, 7.25)
    assert client.hear() == [{"type": "goaway", "reconnect_in": 7.25}]


def test_nothing_is_left_of_a_client_that_is_gone() -> None:
    world = World(leave_grace_s=1.0)
    client = world.connect("ann")
    client.say("subscribe", topic="news.*")
    client.gone()
    world.advance(10)
    router = world.router
    assert client.peer.context is None
    assert [len(router._everyone), len(router._users), len(router._topics), len(router.channels)] == [0, 0, 0, 0]
    assert world.surroundings.armed() == []


def test_what_a_client_said_last_is_stored_and_acked_before_on_close_returns() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.hear()
    ann.say("message", channel="lobby", text="bye", id=1)
    world.router.on_close(ann.peer, 1000, "")
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    assert bob.hear_type("message")[0]["text"] == "bye"


def test_the_subprotocol_chooses_the_codec_and_the_first_serves_those_without_one() -> None:
    surroundings = FakeSurroundings()
    store = MemoryStore(surroundings.random_bytes, surroundings.monotonic)
    router = ChatRouter(ChatSettings(), store, {"first": JsonCodec(), "other": OtherCodec()})
    router.attach(surroundings)
    assert router.subprotocols == ("first", "other")
    peers = [FakePeer("a", None), FakePeer("b", "first"), FakePeer("c", "other")]
    for peer in peers:
        router.on_open(peer)
    assert [peer.sent[0][0] for peer in peers] == [1, 1, 2]


def test_clients_of_different_codecs_share_channels() -> None:
    surroundings = FakeSurroundings()
    store = MemoryStore(surroundings.random_bytes, surroundings.monotonic)
    router = ChatRouter(ChatSettings(), store, {"json": JsonCodec(), "other": OtherCodec()})
    router.attach(surroundings)
    peers = [FakePeer("a", "json"), FakePeer("b", "other")]
    for peer, opcode in zip(peers, (1, 2), strict=True):
        router.on_open(peer)
        router.on_message(peer, b'{"type":"join","channel":"lobby"}', opcode)
    router.on_message(peers[0], b'{"type":"message","channel":"lobby","text":"hi"}', 1)
    surroundings.end_turn()
    assert [peer.sent[-1][0] for peer in peers] == [1, 2]
    assert peers[0].sent[-1][1] == peers[1].sent[-1][1]


def test_a_text_message_to_a_binary_codec_is_bad() -> None:
    surroundings = FakeSurroundings()
    store = MemoryStore(surroundings.random_bytes, surroundings.monotonic)
    router = ChatRouter(ChatSettings(), store, {"other": ProtobufCodec()})
    router.attach(surroundings)
    peer = FakePeer("a", "other")
    router.on_open(peer)
    router.on_message(peer, b'{"type":"ping"}', 1)
    assert Envelope.FromString(peer.sent[-1][1]).error.code == "bad_message"


def test_json_is_the_only_subprotocol_by_default() -> None:
    assert World().router.subprotocols == ("wsserver.v1.json",)


def test_a_store_that_cannot_be_read_is_an_error_to_the_one_who_asked() -> None:
    world = World()
    client = world.connect("ann")
    world.store.broken = True
    error = client.ask("history", channel="lobby", id="h")
    assert (error["code"], error["retry"], error["id"]) == ("store_unavailable", True, "h")


def test_a_part_that_refuses_names_a_code_of_the_closed_list() -> None:
    with pytest.raises(KeyError):
        ChatError("no_such_code", "This must not happen.")


def test_kicking_a_user_closes_all_of_its_connections_and_no_other() -> None:
    world = World()
    ann, again, bob = world.connect("ann"), world.connect("ann"), world.connect("bob")
    assert world.router.kick("ann") == 2
    assert [client.peer.closed for client in (ann, again, bob)] == [(4503, "kicked"), (4503, "kicked"), None]
    assert world.router.kick("nobody") == 0


def test_kicking_may_give_a_reason() -> None:
    world = World()
    ann = world.connect("ann")
    world.router.kick("ann", "the party is over")
    assert ann.peer.closed == (4503, "the party is over")


@pytest.mark.parametrize(
    ("value", "token"),
    [("Bearer a.b", "a.b"), ("bearer a", "a"), ("BEARER  a ", "a"), ("Bearer", ""), ("Basic a", None), ("", None)],
)
def test_the_bearer_token_of_an_upgrade_is_found(value: str, token: str | None) -> None:
    assert find_token(upgrade_request(value)) == token


def test_an_upgrade_without_authorization_has_no_token_and_one_with_two_is_bad() -> None:
    assert find_token(upgrade_request()) is None
    with pytest.raises(RequestError) as caught:
        find_token(upgrade_request("Bearer a", "Bearer b"))
    assert caught.value.status == 400


@pytest.mark.parametrize("query", ["token=a", "access_token=a", "x=1&JWT=a", "token", "Token="])
def test_a_token_in_the_url_is_refused_without_showing_it(query: str) -> None:
    with pytest.raises(RequestError) as caught:
        find_token(upgrade_request(query=query))
    assert caught.value.status == 400
    assert "=" not in caught.value.detail


@pytest.mark.parametrize("query", ["", "a=1&b=2", "tokens=1", "x=token", "room=token"])
def test_other_queries_are_nobody_s_business(query: str) -> None:
    assert find_token(upgrade_request(query=query)) is None


def test_in_open_mode_upgrades_are_not_looked_at() -> None:
    world, peer = World(), FakePeer()
    world.router.on_upgrade(peer, upgrade_request("Bearer a", "Bearer b", query="token=a"))
    assert peer.context is None


def test_a_client_whose_coming_failed_goes_without_a_word() -> None:
    world = World()
    peer = FakePeer()
    world.router.on_close(peer, 1011, "")
    assert peer.sent == []


def test_who_cannot_leave_one_thing_leaves_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob")
    ann.ask("subscribe", topic="t")

    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(world.router.rooms, "exit_all", no_memory)
    with pytest.raises(MemoryError):
        world.router.on_close(ann.peer, 1000, "")
    assert bob.ask("direct", to="ann", text="x")["code"] == "no_such_user"
    assert bob.ask("request", method="stats")["result"]["clients"] == 1
    assert bob.ask("publish", topic="t", data=1, id=1)["delivered"] == 0


def test_a_monitor_is_told_how_much_there_is() -> None:
    world = World()
    ann, bob = world.connect("ann"), world.connect("bob", "other")
    ann.say("subscribe", topic="news")
    ann.say("message", channel="lobby", text="hi", key="k")
    ann.say("message", channel="lobby", text="hi", key="k")
    world.end_turn()
    world.store.broken = True
    bob.say("message", channel="other", text="hi")
    world.end_turn()
    assert world.router.counts()._asdict() == {
        "channels": 2,
        "users": 2,
        "subscriptions": 1,
        "stored": 1,
        "duplicates": 1,
        "refused": 1,
    }
