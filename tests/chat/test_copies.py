"""A replica is opened for the first who needs the channel and goes some time after the last."""

from collections.abc import Callable

import pytest

from tests.chat.cluster_rig import Sea
from wsserver.chat import copies as module
from wsserver.chat.broker import BrokerUnavailable
from wsserver.chat.copies import LINGER_S
from wsserver.websocket.codes import BINARY


def test_a_thousand_joins_into_one_channel_ask_the_log_once() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    clients = [node.connect() for _ in range(1000)]
    for number, client in enumerate(clients):
        client.say("join", channel="lobby", user=f"u{number}")
    sea.advance(0.1)
    assert node.log.asked == [("glance", "lobby")]
    assert sea.opens == 1
    assert all(client.hear()[-1]["type"] == "joined" for client in clients)


def test_joins_into_as_many_channels_ask_once_for_each() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    clients = [node.connect() for _ in range(3000)]
    for number, client in enumerate(clients):
        client.say("join", channel=f"room{number}", user=f"u{number}")
    for _ in range(100):
        sea.advance(0.01)
    assert len(node.log.asked) == 3000
    assert sea.opens == 3000
    assert all(client.hear()[-1]["type"] == "joined" for client in clients)


def test_a_crowd_that_waited_goes_on_some_at_a_time() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    clients = [node.connect() for _ in range(200)]
    for client in clients:
        client.say("join", channel="lobby")
    turns = []
    for _ in range(40):
        before = sum(bool(client.peer.sent) for client in clients)
        timers = sea.world.armed()
        if not timers:
            break
        sea.world.now = max(sea.world.now, min(timer.at for timer in timers))
        timer = min(timers, key=lambda timer: timer.at)
        callback, timer.callback = timer.callback, None
        assert callback is not None
        callback()
        sea.world.end_turn()
        turns.append(sum(bool(client.peer.sent) for client in clients) - before)
    assert sum(turns) == 200
    assert max(turns) == 64


def test_what_a_client_says_behind_its_join_waits_with_it() -> None:
    sea = Sea(1)
    client = sea.nodes[0].connect()
    client.say("join", channel="lobby", user="ann", id=1)
    client.say("message", channel="lobby", text="hi", id=2)
    client.say("history", channel="lobby", id=3)
    client.say("leave", channel="lobby", id=4)
    client.say("ping", id=5)
    assert client.hear() == []
    sea.advance(0.1)
    assert [event["type"] for event in client.hear()] == ["joined", "message", "ack", "history", "left", "pong"]


def test_who_goes_while_waiting_is_gone_afterwards() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    client = node.connect()
    client.say("join", channel="lobby", user="ann")
    client.gone()
    sea.advance(0.1)
    assert client.peer.context is None
    sea.advance(LINGER_S + 10)
    assert len(node.replicas.copies) == 0
    assert sea.world.armed() == []


def test_a_log_that_cannot_be_read_refuses_all_who_wait_once_and_is_asked_again_by_who_comes_later() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    clients = [node.connect() for _ in range(100)]
    node.log.trouble = "the database is away"
    for client in clients:
        client.say("join", channel="lobby", id=1)
    sea.advance(0.5)
    for client in clients:
        (error,) = client.hear()
        assert (error["code"], error["id"], error["retry"]) == ("store_unavailable", 1, True)
        assert "the database is away" not in error["message"]
    assert node.log.asked == [("glance", "lobby")]
    node.log.trouble = None
    sea.advance(1)
    clients[0].say("join", channel="lobby", id=2)
    sea.advance(0.1)
    assert clients[0].hear()[-1]["type"] == "joined"


def test_without_the_broker_a_channel_opens_all_the_same() -> None:
    sea = Sea(2)
    sea.brokers[1].interrupt()
    bob = sea.nodes[1].connect("bob")
    ann = sea.nodes[0].connect("ann")
    bob.say("message", channel="lobby", text="alone", id=1)
    sea.advance(0.1)
    assert [event["type"] for event in bob.hear()] == ["message", "ack"]
    sea.brokers[1].restore()
    ann.say("message", channel="lobby", text="together")
    sea.advance(3)
    assert [event["text"] for event in bob.hear_type("message")] == ["together"]
    assert str(BrokerUnavailable("x")) == "x"


def test_a_broker_that_hangs_keeps_nobody_out_for_more_than_a_second_and_what_was_missed_is_read() -> None:
    sea = Sea(2)
    ann = sea.nodes[0].connect("ann")
    node = sea.nodes[1]
    opened: list[Callable[[BrokerUnavailable | None], None]] = []
    node.broker.open = lambda _channel, done: opened.append(done)  # type: ignore[method-assign]
    bob = node.connect()
    bob.say("join", channel="lobby", user="bob")
    sea.advance(0.9)
    assert bob.hear() == []
    sea.advance(0.2)
    assert [event["type"] for event in bob.hear()] == ["joined"]
    ann.say("message", channel="lobby", text="unheard")
    sea.advance(1)
    assert bob.hear_type("message") == []
    node.broker.channels.add("lobby")
    opened[0](None)
    sea.advance(1)
    assert [event["text"] for event in bob.hear_type("message")] == ["unheard"]


def test_a_replica_stays_for_a_while_after_the_last_one_left() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect("ann")
    ann.say("leave", channel="lobby")
    sea.advance(LINGER_S - 1)
    ann.join()
    assert len(node.log.asked) == 1
    ann.say("leave", channel="lobby")
    sea.advance(LINGER_S + 1)
    assert len(node.replicas.copies) == 0
    assert node.broker.channels == set()
    assert node.router.channels.find("lobby") is not None
    assert len(node.router.channels) == 0


def test_only_so_many_stay_that_nobody_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_LIMIT", 10)
    sea = Sea(1)
    node = sea.nodes[0]
    ann = node.connect()
    for number in range(50):
        ann.say("join", channel=f"room{number}", user="ann")
        ann.say("leave", channel=f"room{number}")
        sea.settle()
    assert len(node.replicas.copies) == 10
    assert len(node.broker.channels) == 10


def test_a_channel_has_the_number_that_all_processes_of_a_server_give_it() -> None:
    sea = Sea(2)
    sea.numbers = {"one": 2, "two": 1}
    for node in sea.nodes:
        ann = node.connect()
        for channel in ("two", "one"):
            ann.say("join", channel=channel, user="ann")
            sea.settle()
        assert [event["cid"] for event in ann.hear_type("joined")] == [1, 2]
        frame = (2).to_bytes(4, "big") + b"x"
        ann.raw(frame, BINARY)
        assert ann.hear_binary() == [frame]


def test_a_channel_that_has_a_replica_is_not_forgotten() -> None:
    sea = Sea(1, channels=2)
    node = sea.nodes[0]
    ann = node.connect("ann", "one")
    ann.say("join", channel="two")
    sea.settle()
    ann.say("leave", channel="two")
    ann.say("join", channel="three", id=1)
    sea.settle()
    error = ann.hear()[-1]
    assert (error["code"], error["retry"]) == ("too_many_channels", True)
    sea.advance(LINGER_S + 1)
    ann.say("join", channel="three", id=2)
    sea.settle()
    assert ann.hear()[-1]["type"] == "joined"


def test_a_channel_is_opened_with_a_page_and_who_wants_more_has_it_read() -> None:
    sea = Sea()
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect()
    for number in range(120):
        ann.say("message", channel="lobby", text=f"text {number}")
    sea.settle()
    bob.say("join", channel="lobby", user="bob")
    sea.advance(0.1)
    [joined] = bob.hear_type("joined")
    assert [one["seq"] for one in joined["messages"]] == list(range(71, 121))
    assert [question for question, *_ in sea.nodes[1].log.asked] == ["glance"]
    bob.say("join", channel="lobby", history=100)
    sea.advance(0.1)
    [joined] = bob.hear_type("joined")
    assert [one["seq"] for one in joined["messages"]] == list(range(21, 121))
    assert [question for question, *_ in sea.nodes[1].log.asked] == ["glance", "read"]
