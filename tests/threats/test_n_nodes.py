"""Attacks on what lies between nodes, and accidents of it: the link to Redis, Redis itself, what nodes tell each other.

Most run against two real nodes over a real Redis, which keeps the messages too; `hostile` is what anybody can do who
has found the way to that Redis. Where a reply must be broken, Redis is written by hand.
"""

import pickle
import signal
import socket
import sys

import hiredis
import msgspec
import pytest

from tests.brokers.conftest import fake, rig  # noqa: F401 - fixtures
from tests.brokers.test_redis_commands import commands  # noqa: F401 - fixture
from tests.engines.redis import Redis
from tests.scenarios import running
from tests.scenarios.conftest import postgres, redis  # noqa: F401 - fixtures
from tests.scenarios.nodes import HEALING_S, Nodes, until
from tests.scenarios.running import PATIENCE_S
from wsserver.brokers.redis_commands import REPLY_LIMIT_S, LinkDown

QUICK = ("--set", "presence.leave_grace=200ms")
PICKLE = pickle.dumps([1, "hostile", []])


@pytest.fixture(scope="module")
def nodes(redis):  # noqa: F811
    with Nodes(2, redis, flags=QUICK, proxied=True) as nodes:
        yield nodes
        assert "Traceback" not in nodes.log


@pytest.fixture
def pair(nodes, connect, room):
    """Two members of one channel, each at a node of its own."""
    first, second = (
        connect(server, f"{name} of {room}", room) for name, server in zip("ab", nodes.servers, strict=True)
    )
    first.hear("presence")
    first.kept.clear()
    return first, second


class Hostile:
    """Somebody who reaches Redis and knows what nodes speak."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.prefix = nodes._prefix
        self._listening = None

    def publish(self, channel, data):
        return self.nodes.redis.ask("PUBLISH", f"{self.prefix}:{channel}", data)

    def say(self, room, *items):
        return self.publish(f"c:{room}", msgspec.msgpack.encode([1, "hostile", items]))

    def epoch(self, room):
        return self.nodes.redis.ask("HGET", f"{self.prefix}:l:{{{room}}}:h", "epoch").decode()

    def listen(self, room):
        """Hear what is said in a channel from now on."""
        self._listening = socket.create_connection(("127.0.0.1", self.nodes.redis.port), PATIENCE_S)
        self._listening.sendall(hiredis.pack_command(("SUBSCRIBE", f"{self.prefix}:c:{room}")))
        self._reader = hiredis.Reader(notEnoughData=...)
        assert self.next_reply()[0] == b"subscribe"

    def next_reply(self):
        while (reply := self._reader.gets()) is ...:
            self._reader.feed(self._listening.recv(65536))
        return reply

    def close(self):
        if self._listening is not None:
            self._listening.close()


@pytest.fixture
def hostile(nodes):
    one = Hostile(nodes)
    yield one
    one.close()


def texts(talker, count):
    return [talker.hear("message")["text"] for _ in range(count)]


def well(nodes):
    for server in nodes.servers:
        until(lambda server=server: server.get("/readyz")[0] == 200, lambda server=server: server.log, HEALING_S)


def metric(server, name):
    [line] = [line for line in server.get("/metrics")[2].decode().splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


# -- 170 to 173: the link ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["both", "there", "back", "severed"])
def test_n170_a_node_that_is_cut_off_goes_on_and_nothing_is_missing_when_the_link_is_back(nodes, pair, room, direction):
    ann, bob = pair
    way = nodes.ways[1]["redis"]
    if direction == "severed":
        way.refuse()
        way.sever()
        until(lambda: nodes.servers[1].get("/readyz")[0] == 503)
        refused = bob.ask("message", channel=room, text="refused")
        assert refused["code"] == "store_unavailable"
        assert "127.0.0.1" not in refused["message"], "where Redis is, is nobody's business"
    else:
        way.cut(direction)
    assert bob.ask("direct", to=f"b of {room}", text="psst") is not None
    assert [ann.ask("message", channel=room, text=str(number))["seq"] for number in range(3)] == [1, 2, 3]
    way.heal()
    assert texts(bob, 3) == ["0", "1", "2"]
    well(nodes)


def test_n171_who_is_thrown_out_for_reading_too_slowly_reads_what_it_missed(nodes, pair, room, hostile):
    ask = nodes.redis.ask
    before = ask("CONFIG", "GET", "client-output-buffer-limit")[1]
    ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 0 0")
    try:
        hostile.publish("all", bytes(1 << 20))  # more than the kernel takes at once, and no envelope
        assert pair[0].ask("message", channel=room, text="while you were out")["seq"] == 1
    finally:
        ask("CONFIG", "SET", "client-output-buffer-limit", before.decode())
    assert texts(pair[1], 1) == ["while you were out"]
    well(nodes)


def test_n172_behind_a_reply_that_did_not_come_in_time_no_other_is_believed(rig, fake, commands):  # noqa: F811
    told = []
    commands.call(("late",), told.append)
    commands.call(("next",), told.append)
    assert [fake.next_command(rig.turn) for _ in range(2)] == [["late"], ["next"]]
    rig.jump(REPLY_LIMIT_S + 0.1)
    fake.say(b"+for late\r\n+for next\r\n")
    rig.until(lambda: len(told) == 2)
    assert [type(one) for one in told] == [LinkDown, LinkDown]
    assert not commands.up


def test_n172_a_reply_that_nobody_asked_for_ends_the_connection(rig, fake, commands):  # noqa: F811
    fake.say(b"+for nobody\r\n")
    rig.until(lambda: not commands.up)
    assert commands.waiting == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 200 OK\r\n\r\n", b"$999999999999999999999\r\n", b"*99999999999999\r\n", b"*1\r\n" * 100_000,
        b"$3\r\nabcdef\r\n", b":one\r\n", b"\x16\x03\x01\x02\x00", b">2\r\n+push\r\n+x\r\n",
    ],
    ids=range(8),
)  # fmt: skip
def test_n173_what_is_not_the_protocol_ends_the_connection_and_takes_no_memory(rig, fake, commands, garbage):  # noqa: F811
    commands.call(("ask",), lambda _reply: None)
    fake.next_command(rig.turn)
    fake.say(garbage)
    before = rig.world.resident_bytes()
    rig.until(lambda: not commands.up)
    assert rig.world.resident_bytes() - before < 16 << 20


# -- 174 to 176: what is said ------------------------------------------------------------------------------------------

ENVELOPES = [
    b"", b"\0" * 1000, PICKLE, b'{"type": "message"}', b"\x93\x01", b"\x93\x01\xa7hostile" + b"\x91" * 100_000,
    msgspec.msgpack.encode([2, "hostile", []]), msgspec.msgpack.encode([1, 7, []]), bytes(2 << 20),
]  # fmt: skip


def test_n174_what_is_no_envelope_is_dropped_and_counted(nodes, pair, room, hostile):
    before = metric(nodes.servers[1], 'wsserver_broker_total{what="garbled"}')
    for channel in ("all", f"c:{room}"):
        assert [hostile.publish(channel, data) for data in ENVELOPES] == [2] * len(ENVELOPES)
    assert pair[0].ask("message", channel=room, text="fine")["seq"] == 1
    assert texts(pair[1], 1) == ["fine"]
    assert metric(nodes.servers[1], 'wsserver_broker_total{what="garbled"}') == before + 2 * len(ENVELOPES)


def test_n174_items_with_absurd_values_break_nothing(nodes, pair, room, hostile):
    epoch = hostile.epoch(room)
    for item in (
        ["m", room, epoch, 2**64 - 1, [["eve", "x", 0]]], ["m", room, epoch, 0, [["eve", "x", 0]]],
        ["m", room, epoch, 1, [["eve", "x", -(2**63)]]], ["m", room, "another epoch", 1, [["eve", "x", 0]]],
        ["m", room, "", 2**53, [["eve", "x", 0]]], ["m", "elsewhere", epoch, 1, [["eve", "x", 0]]],
        ["p", room, "e" * 256, 0], ["p", room, "nobody", 1], ["r", room], ["r", "elsewhere"], ["b", "elsewhere", b"x"],
        ["q", 1, b"[]"], ["q", 1, b'["connections","no such order",-1]'], ["q", 2**64 - 1, b'["count"]'],
        ["q", 1, PICKLE], ["a", 1, "nobody asked"], ["g", "a node that never was"],
    ):  # fmt: skip
        assert hostile.say(room, item) == 2
    assert [pair[0].ask("message", channel=room, text=text)["seq"] for text in "xyz"] == [1, 2, 3]
    assert [texts(talker, 3) for talker in pair] == [["x", "y", "z"]] * 2
    assert pair[1].ask("presence", channel=room)["count"] == 2


def test_n174_answers_that_are_none_cost_nobody_his_own(nodes, pair, room, hostile):
    listener = socket.create_connection(("127.0.0.1", nodes.redis.port), PATIENCE_S)
    with listener:
        listener.sendall(hiredis.pack_command(("SUBSCRIBE", f"{hostile.prefix}:all")))
        reader = hiredis.Reader(notEnoughData=...)

        def next_asking():
            while True:
                while (reply := reader.gets()) is ...:
                    reader.feed(listener.recv(65536))
                if reply[0] == b"message":
                    _, node, items = msgspec.msgpack.decode(reply[2])
                    return node, items[0][1]

        for method in ("stats", "channels"):
            pair[0].say("request", method=method, id=method)
            node, number = next_asking()
            hostile.publish(f"n:{node}", msgspec.msgpack.encode([1, "hostile", [["a", number, [["x", "many"], 7]]]]))
            result = pair[0].hear("response")["result"]
            assert result["clients"] >= 1 if method == "stats" else result["channels"][0]["count"] >= 1


def test_n175_what_is_said_twice_in_another_order_or_much_later_is_delivered_once(nodes, pair, room, hostile):
    hostile.listen(room)
    for number in range(5):
        pair[0].ask("message", channel=room, text=str(number))
    said = [hostile.next_reply()[2] for _ in range(5)]
    for envelope in [*reversed(said), *said, *said[::2]]:
        hostile.publish(f"c:{room}", envelope)
        hostile.publish(f"c:{room}", b"\x93\x01\xa7hostile" + envelope[envelope.index(b"\x91") :])
    assert pair[0].ask("message", channel=room, text="5")["seq"] == 6
    assert [texts(talker, 6) for talker in pair] == [list("012345")] * 2
    for talker in pair:
        talker.ask("ping")
        assert [event for event in talker.kept if event["type"] != "presence"] == []


def test_n176_who_heard_another_message_under_a_number_is_given_a_new_start(nodes, pair, room, hostile):
    ann, bob = pair
    assert hostile.say(room, ["m", room, hostile.epoch(room), 1, [["eve", "forged", 0]]]) == 2
    assert [texts(talker, 1) for talker in pair] == [["forged"]] * 2
    assert ann.ask("message", channel=room, text="the truth")["seq"] == 1
    for talker in (ann, bob):
        anew = talker.hear("joined")
        assert (anew["recovered"], anew["seq"]) == (False, 1)
        assert [message["text"] for message in anew["messages"]] == ["the truth"]
    assert bob.ask("message", channel=room, text="next")["seq"] == 2
    assert [texts(talker, 1) for talker in pair] == [["next"]] * 2


# -- 177 to 179: other servers -----------------------------------------------------------------------------------------


def test_n177_a_redis_that_comes_back_empty_is_another_epoch_and_everybody_is_told(connect, room):
    with Redis() as own, Nodes(2, own) as nodes:
        ann, bob = (connect(server, name, room) for name, server in zip(("ann", "bob"), nodes.servers, strict=True))
        assert ann.ask("message", channel=room, text="before")["seq"] == 1
        assert texts(bob, 1) == ["before"]
        own.kill()
        own.start()
        well(nodes)
        for talker in (ann, bob):
            anew = talker.hear("joined")
            assert (anew["recovered"], anew["seq"], anew["messages"]) == (False, 0, [])
        assert ann.ask("message", channel=room, text="after")["seq"] == 1
        assert texts(bob, 1) == ["after"]
        assert "Traceback" not in nodes.log


def test_n178_users_of_a_node_that_is_killed_leave_when_its_lease_is_over(redis, connect, room):  # noqa: F811
    with Nodes(2, redis, flags=(*QUICK, "--set", "presence.lease=1s")) as nodes:
        ann = connect(nodes.servers[0], "ann", room)
        tabs = [connect(nodes.servers[1], "bob", room) for _ in range(3)]
        assert ann.hear("presence")["joined"] == ["bob"]
        tabs[0].close()
        assert ann.is_quiet()
        assert ann.ask("presence", channel=room)["count"] == 2
        nodes.servers[1].end("SIGKILL")
        gone = ann.hear("presence")
        assert (gone["left"], gone["count"]) == (["bob"], 1)


SKEWED = """
import sys
from wsserver.reactor import world

right = world.World.wall_ms
world.World.wall_ms = lambda self: right(self) + {ms}
from wsserver.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_n179_nodes_whose_clocks_are_hours_apart_agree_on_order_and_presence(redis, connect, room, monkeypatch):  # noqa: F811
    plain, skews = running.command, iter((-3_600_000, 3_600_000))

    def skewed(*flags):
        return [sys.executable, "-c", SKEWED.format(ms=next(skews)), *plain(*flags)[3:]]

    monkeypatch.setattr(running, "command", skewed)
    with Nodes(2, redis, flags=(*QUICK, "--set", "presence.lease=1s")) as nodes:
        ann, bob = (connect(server, name, room) for name, server in zip(("ann", "bob"), nodes.servers, strict=True))
        stamps = [talker.ask("message", channel=room, text="x", key="k")["ts"] for talker in (ann, bob, ann)]
        assert stamps[1] - stamps[0] > 7_000_000
        for talker in (ann, bob):
            assert [talker.hear("message")["seq"] for _ in range(2)] == [1, 2]
        nodes.servers[0].signal(signal.SIGSTOP)  # for longer than its lease
        assert bob.hear("presence", left=["ann"])["count"] == 1
        nodes.servers[0].signal(signal.SIGCONT)
        assert bob.hear("presence", joined=["ann"])["count"] == 2
