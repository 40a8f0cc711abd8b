"""Clients that join are handed to the worker where their channel is at home, and notice nothing of it."""

import json
import socket
import struct
import zlib

import pytest
import websocket

from tests.scenarios.handing import Crew
from tests.scenarios.running import RunningServer
from tests.scenarios.talking import open_raw
from tests.scenarios.talking_protobuf import ProtobufTalker
from tests.scenarios.working import until, workers_of
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import PING, TEXT

KEY = {"Authorization": "Bearer 0123456789abcdef"}
QUICK = ("--set", "limits.rate=0", "--set", "presence.leave_grace=200ms")
FLAGS = ("--workers", "3", *QUICK, "--set", "websocket.compression=true", "--set", "api.key=0123456789abcdef")
MEMBERS, ROOMS, SPEAKERS, WORDS = 200, 20, 60, 4


@pytest.fixture(scope="module")
def crew(server):
    return Crew(server, 3)


@pytest.fixture(scope="module")
def alone():
    """A server of one process, which shows what is to be heard."""
    running = RunningServer("--port", "0", "--set", "limits.rate=0")
    yield running
    running.stop()


def number(server, name):
    """One number of /metrics, summed over all workers."""
    for line in server.get("/metrics")[2].decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"there is no {name}")


NUMBERS = ("messages_received", "connections_accepted", "handoffs")


def numbers(server):
    return [number(server, f"wsserver_{name}_total") for name in NUMBERS]


def talk(talkers):
    """Let three of each room say something; demand that each member hears it all, once, as all the others do."""
    for word in range(WORDS):
        for index, talker in enumerate(talkers[:SPEAKERS]):
            talker.say("message", channel=f"meeting-{index % ROOMS}", text=f"{index}: {word}")
    heard = [[talker.hear("message") for _ in range(3 * WORDS)] for talker in talkers]
    for index, messages in enumerate(heard):
        assert messages == heard[index % ROOMS], "everybody in a room heard the same, in the same order"
        assert [message["seq"] for message in messages] == list(range(1, 3 * WORDS + 1))
        assert len({message["text"] for message in messages}) == 3 * WORDS
        assert {message["channel"] for message in messages} == {f"meeting-{index % ROOMS}"}


def check_list(server, talkers):
    """Demand that each client is listed, once, as the one that was welcomed."""
    listed = json.loads(server.get("/api/connections?limit=1000", KEY)[2])["connections"]
    mine = {talker.welcome["client"] for talker in talkers}
    assert sum(row["client"] in mine for row in listed) == len(talkers)
    rows = {row["client"]: row for row in listed}
    for index, talker in enumerate(talkers):
        row = rows[talker.welcome["client"]]
        assert (row["user"], row["state"]) == (f"user-{index}", "OPEN")
        assert row["messages_in"] == 1 + (WORDS if index < SPEAKERS else 0)
        assert row["messages_out"] >= 2 + 3 * WORDS
        assert row["address"].endswith(f":{talker.socket.sock.getsockname()[1]}")


def test_members_meet_in_one_process_and_hear_everything_once_and_in_one_order(server, crew, connect):
    received, accepted, handoffs = numbers(server)
    talkers = [connect(server) for _ in range(MEMBERS)]
    before = crew.index_of(talkers)
    for index, talker in enumerate(talkers):
        talker.join(f"meeting-{index % ROOMS}", f"user-{index}")
    homes = [crew.home_of(f"meeting-{index % ROOMS}") for index in range(MEMBERS)]
    assert crew.index_of(talkers) == homes
    assert set(homes) == {0, 1, 2}
    talk(talkers)
    check_list(server, talkers)

    said = MEMBERS + SPEAKERS * WORDS
    gone = sum(here != home for here, home in zip(before, homes, strict=True))
    now = numbers(server)
    assert now[0] - received == said
    assert MEMBERS <= now[1] - accepted < MEMBERS + 10, "each was accepted once, and a few asked for pages"
    assert now[2] - handoffs == gone > 0
    until(lambda: number(server, 'wsserver_clients{state="open"}') == MEMBERS)

    for talker in talkers:
        talker.socket.shutdown()
    until(lambda: number(server, 'wsserver_clients{state="open"}') == 0)
    assert numbers(server)[0] - received == said, "who has gone is counted once, too"
    assert number(server, 'wsserver_closes_total{code="1006"}') >= MEMBERS


# -- what is sent in one segment --------------------------------------------------------------------------------------


def say(type, **fields):
    return frame(TEXT, json.dumps({"type": type, **fields}).encode())


def segments(room):
    """What is sent, segment by segment, each with the id of the answer that is waited for before the next is sent."""
    join, word = say("join", channel=room, user="ann", id="j"), say("message", channel=room, text="hi", id="m")
    back, leave = say("join", channel=room, id="again"), say("leave", channel=room, id="l")
    request, subscribe = say("request", method="channels", id="r"), say("subscribe", topic="x", id="s")
    publish, dance = say("publish", topic="x", data=1), say("dance", id="d")
    return {
        "join and messages at once": [(join + word + word + back, "again")],
        "one after the other": [(join, "j"), (word, "m"), (word, "m"), (back, "again")],
        "join and half a frame": [(join + word[:9], "j"), (word[9:] + back, "again")],
        "join cut in two": [(join[:9], None), (join[9:] + word, "m"), (back, "again")],
        "join and a ping": [(join + frame(PING, b"?"), "j"), (word, "m"), (back, "again")],
        "join and what nobody knows": [(join + dance, "d"), (word, "m"), (back, "again")],
        "join, leave and join": [(join + leave + back, "again")],
        "a request before": [(request + join, "r"), (back, "again")],
        "a subscription before": [(subscribe, "s"), (join + publish, "j"), (back, "again")],
    }


CASES = list(segments(""))


def listen(sock, id):
    """Read until an answer with that id has come; return what was said but for what differs from server to server."""
    said, data = [], b""
    while not any(each[1] == id for each in said):
        piece = sock.recv(65536)
        assert piece, f"ended after {said}"
        data += piece
        while len(data) >= 2:
            size, start = data[1], 2
            if size == 126:
                size, start = struct.unpack("!H", data[2:4])[0], 4
            if len(data) < start + size:
                break
            said.append(tell(data[0] & 15, data[start : start + size]))
            data = data[start + size :]
    assert data == b""
    return said


def tell(opcode, payload):
    """Return (what it is, its id, what can be compared of it)."""
    if opcode != TEXT:
        return opcode, None, payload
    event = json.loads(payload)
    names = ("code", "seq", "text", "users", "count", "delivered", "data", "duplicate")
    return event["type"], event.get("id", event["type"]), {name: event[name] for name in names if name in event}


def converse(server, pieces):
    """Open a connection, send segment by segment, and return what is heard, in an order of its own."""
    with open_raw(server.port, "/chat") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        heard = listen(sock, "welcome")
        for piece, id in pieces:
            sock.sendall(piece)
            if id is not None:
                heard += listen(sock, id)
    return sorted(str(each) for each in heard if each[0] not in ("presence", "response"))


@pytest.mark.parametrize("case", CASES)
def test_whatever_is_sent_at_once_is_answered_as_one_process_answers_it(server, crew, alone, room, case):
    for home in range(3):
        channel = crew.channel(home)
        assert converse(server, segments(channel)[case]) == converse(alone, segments(channel)[case])


def test_wherever_the_stream_is_cut_it_is_answered_the_same(server, crew, alone, room):
    ((wanted, id),) = segments(room)["join and messages at once"]
    answers = converse(alone, [(wanted, id)])
    cuts = range(1, len(wanted), 5)
    for cut in cuts:
        ((stream, _),) = segments(crew.channel(cut % 3))["join and messages at once"]
        assert converse(server, [(stream[:cut], None), (stream[cut:], id)]) == answers, f"cut behind {cut} bytes"
    assert len(cuts) > 50


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_what_a_browser_compresses_is_understood_wherever_it_is(server, crew):
    for home in (0, 1, 2, 0, 1, 2):
        hall = crew.channel(home)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)

        def pack(event, deflater=deflater):
            data = deflater.compress(json.dumps(event).encode()) + deflater.flush(zlib.Z_SYNC_FLUSH)
            return frame(TEXT, data[:-4], rsv=4)

        sock = websocket.create_connection(
            server.ws(), timeout=10, header=["Sec-WebSocket-Extensions: permessage-deflate"]
        )
        assert "permessage-deflate" in sock.headers["sec-websocket-extensions"]
        assert json.loads(sock.recv())["type"] == "welcome"
        sock.sock.sendall(pack({"type": "join", "channel": hall, "user": "ann", "id": "j"}))
        assert json.loads(sock.recv())["type"] == "joined"
        for seq in (1, 2):
            sock.sock.sendall(pack({"type": "message", "channel": hall, "text": "a few words", "id": "j"}))
            answers = [json.loads(sock.recv()) for _ in range(2)]
            assert sorted((each["type"], each["seq"]) for each in answers) == [("ack", seq), ("message", seq)]
        sock.shutdown()


def test_who_ends_at_once_leaves_nobody_behind(server, crew, connect):
    halls = [crew.channel(home) for home in range(3)]
    join = json.dumps({"type": "join", "channel": "", "user": "ghost"})
    for number in range(30):
        with open_raw(server.port, "/chat") as sock:
            sock.sendall(frame(TEXT, join.replace('""', f'"{halls[number % 3]}"').encode()))
    witness = connect(server)
    for hall in halls:
        witness.join(hall, "witness")
        until(lambda hall=hall: witness.ask("presence", channel=hall)["count"] == 1)
    assert len(workers_of(server)) == 3


def test_who_speaks_protobuf_does_so_wherever_it_is(server, crew):
    for home in range(3):
        talkers = [ProtobufTalker(server.ws()) for _ in range(6)]
        hall = crew.channel(home)
        for place, talker in enumerate(talkers):
            assert talker.join(hall, f"user-{place}")["count"] == place + 1
        talkers[0].say("message", channel=hall, text="hi")
        assert [talker.hear("message")["text"] for talker in talkers] == ["hi"] * 6
        assert set(crew.index_of(talkers)) == {home}
        for talker in talkers:
            talker.socket.shutdown()
