"""Too much for one reader, for all of them together, or at the door: whoever takes too much pays, the others do not."""

import contextlib
import json
import socket
import struct
import time

import pytest

from tests.clients.rig import BIG, close_payload, decode_frames, get, parse_answers
from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import UPGRADE, Talker
from tests.threats.attacking import cpu_seconds
from tests.websocket.frames_by_hand import frame
from wsserver.clients.registry import RETRY_AFTER_S
from wsserver.clients.states import State
from wsserver.net.pressure import CHECK_S
from wsserver.net.transport import READ_PAUSE, READ_SIZE, STALL_LIMIT_S
from wsserver.websocket.codes import CLOSE, PING, TEXT
from wsserver.websocket.prepared import PreparedMessage

LIMIT = 100_000
"""Bytes that may wait for one client of these houses."""

SLOW = b"\x88\x19" + close_payload(4008, "slow consumer: overflow")


def fan_out(house, peers, payload):
    house.registry.fan_out([peer.client for peer in peers], PreparedMessage(payload, TEXT))
    house.turn()


# -- 97: one reader ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100, 10_000, LIMIT - 500, 3 * LIMIT])
def test_g97_a_queue_is_weighed_before_the_next_message_is_added_and_ends_with_4008(make_house, size):
    house = make_house(queue=LIMIT)
    slow, quick = house.open(sndbuf=4096), house.open()
    sent = heard = 0
    while slow.client.state is State.OPEN:
        fan_out(house, [slow, quick], b"x" * size)
        sent += 1
        heard += len(decode_frames(quick.received_in_all()))
        assert slow.client.transport.queued <= max(LIMIT, size + 200)
        assert sent < 10_000
    assert heard == sent
    assert slow.received_in_all().endswith(SLOW)
    assert quick.client.state is State.OPEN


def test_g97_answers_to_its_own_questions_count_too(make_house):
    house = make_house()
    greedy = house.open("/echo", sndbuf=4096)
    unsent = frame(TEXT, b"x" * 60_000) * 100
    for _ in range(200):
        with contextlib.suppress(BlockingIOError):
            unsent = unsent[greedy.socket.send(unsent) :]
        house.turn()
        assert greedy.client.transport.queued <= READ_PAUSE + READ_SIZE + 1000  # then its own messages wait, unread
    assert unsent
    assert greedy.client.state is State.OPEN


def test_g97_pongs_for_who_does_not_read_do_not_pile_up(make_house):
    house = make_house(queue=LIMIT)
    deaf = house.open(sndbuf=4096)
    fan_out(house, [deaf], b"x" * 60_000)
    for _ in range(20):
        house.jump(1.0)
        for _ in range(5):
            deaf.send_frame(PING, b"y" * 125)
        assert deaf.client.transport.queued < 70_000
    assert deaf.client.state is State.OPEN


@pytest.mark.parametrize("policy", ["drop-oldest", "latest"])
def test_g97_a_policy_that_keeps_the_reader_keeps_the_limit(make_house, policy):
    house = make_house(queue=LIMIT, queue_policy=policy)
    slow = house.open(sndbuf=4096)
    for number in range(3000):
        fan_out(house, [slow], b"%06d" % number * 50)
        assert slow.client.transport.queued <= LIMIT
    texts = [payload for _, payload in _whole_frames(slow.received_in_all())]
    assert texts[-1].startswith(b"002999")
    assert texts == sorted(texts)
    assert slow.client.state is State.OPEN


def _whole_frames(data):
    while data:
        size, start = (data[1], 2) if data[1] < 126 else (struct.unpack("!H", data[2:4])[0], 4)
        yield data[0] & 15, data[start : start + size]
        data = data[start + size :]


def test_g97_before_the_handshake_answers_wait_unmade_for_who_does_not_read(make_house):
    house = make_house()
    peer = house.connect(sndbuf=4096)
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            peer.send(get("/middling") * 50)
        assert peer.client.transport.queued <= READ_PAUSE + 50_000 + 1000


# -- 98: all readers together ------------------------------------------------------------------------------------------


def test_g98_above_the_budget_of_all_the_largest_queues_go_and_the_memory_comes_back(make_house):
    house = make_house(queued=1 << 20)
    honest = house.open("/echo")
    slow = [house.open(sndbuf=4096) for _ in range(40)]
    for number, peer in enumerate(slow):
        for _ in range(1 + number % 4):
            peer.client.send(bytes([number]) * 30_000)
    house.turn()
    waiting = sum(peer.client.transport.queued for peer in slow)
    assert waiting > 2 << 20
    house.jump(CHECK_S)
    house.turn()
    shed = [peer for peer in slow if peer.client.state is not State.OPEN]
    assert {number % 4 for number, peer in enumerate(slow) if peer in shed} == {2, 3}  # those with the most
    assert len(house.shed) == 1
    for peer in shed[::2]:
        assert peer.received_in_all().endswith(close_payload(4008, "slow consumer: memory is short"))
    house.jump(10)  # the others do not even read that
    assert sum(peer.client.transport.queued for peer in slow) <= 1 << 20
    assert {peer.client.state for peer in slow if peer not in shed} == {State.OPEN}
    honest.send_frame(TEXT, b"here")
    assert honest.frames() == [(TEXT, b"here")]


def test_g98_what_is_shared_counts_once_so_a_crowd_of_slow_readers_is_not_punished_for_its_size(make_house):
    house = make_house(queued=1 << 20)
    slow = [house.open(sndbuf=4096) for _ in range(80)]
    for _ in range(10):
        fan_out(house, slow, b"x" * 30_000)
    assert sum(peer.client.transport.queued for peer in slow) > 20 << 20
    house.jump(CHECK_S)
    assert {peer.client.state for peer in slow} == {State.OPEN}
    assert house.shed == []


def fill(server, publisher, names, size=60_000, count=80):
    """Send `count` direct messages to each of `names`, none of them the same; return how many were delivered."""
    delivered = 0
    for number in range(count):
        for name in names:
            answer = publisher.ask("direct", to=name, text=f"{number} " + "x" * size)
            delivered += answer.get("delivered", 0)
    return delivered


def connect_slow(server, connect, count):
    small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 16384),)
    talkers = []
    for number in range(count):
        talkers.append(connect(server, f"slow-{number}", "slow", sockopt=small))
        talkers[-1].socket.sock.settimeout(PATIENCE_S)
    return talkers


def test_g98_on_a_real_server_the_budget_holds_and_one_line_says_so(start, connect):
    server = start(
        "--set", "limits.queued=8MiB", "--set", "limits.queue=256MiB", "--set", "limits.rate=0",
    )  # fmt: skip
    ann = connect(server, "ann", "lobby")
    slow = connect_slow(server, connect, 8)
    fill(server, ann, [f"slow-{number}" for number in range(8)])
    while ann.ask("request", method="stats")["result"]["clients"] == 9:
        fill(server, ann, [f"slow-{number}" for number in range(8)], count=1)
    ends = {end_of(talker) for talker in slow}
    assert (4008, "slow consumer: memory is short") in ends
    assert ends <= {"still here", (4008, "slow consumer: memory is short")}  # how many go: what came meanwhile
    assert 1 <= server.log.count("slowest readers were closed") <= 10
    assert ann.ask("ping")["type"] == "pong"


def end_of(talker):
    """Read all that has come; return code and reason of the Close behind it, or that there is none."""
    talker.say("ping")
    opcode, payload = None, b""
    while opcode != CLOSE and b'"pong"' not in payload:
        opcode, payload = talker.socket.recv_data(control_frame=True)
    return (int.from_bytes(payload[:2], "big"), payload[2:].decode()) if opcode == CLOSE else "still here"


def test_g98_above_limits_memory_nobody_new_is_let_in_and_is_told_when_to_come_back(start):
    server = start("--set", "limits.memory=1MiB")  # less than any interpreter takes
    for path in ("/livez", "/"):
        status, headers, body = server.get(path)
        assert (status, headers["connection"]) == (503, "close")
        assert 1 <= int(headers["retry-after"]) <= RETRY_AFTER_S
        assert b"memory" in body
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as sock:
        sock.sendall(UPGRADE.format(path="/chat").encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 503 ")
    assert server.log.count("nobody new is let in") == 1


def test_g98_above_limits_memory_the_slowest_readers_go_and_then_there_is_room_again(start, connect):
    with_room = start().resident_bytes() + (24 << 20)
    server = start(
        "--set", f"limits.memory={with_room}", "--set", "limits.queue=256MiB", "--set", "limits.rate=0",
        "--set", "presence.leave_grace=0s", "--set", "websocket.close_timeout=1s",
    )  # fmt: skip
    ann = connect(server, "ann", "lobby")
    connect_slow(server, connect, 3)
    names = [f"slow-{number}" for number in range(3)]
    rounds = 0
    while ann.ask("request", method="stats")["result"]["clients"] == 4:
        fill(server, ann, names, count=5)
        rounds += 1
        assert rounds < 500, "the memory is not limited"
    assert "slowest readers were closed" in server.log
    for name in names:
        ann.ask("direct", to=name, text="is anybody there?")
    assert ann.ask("ping")["type"] == "pong"
    until = time.monotonic() + 2 * PATIENCE_S
    while server.get("/livez")[0] == 503:
        assert time.monotonic() < until, "it never had room again"


# -- 99: a reader that never stops and never gets anywhere -------------------------------------------------------------


def test_g99_a_reader_of_a_byte_a_second_is_closed_within_a_minute(make_house):
    house = make_house()
    peer = house.open(sndbuf=4096)
    fan_out(house, [peer], b"x" * 500_000)
    seconds = 0
    while peer.client.state is State.OPEN:
        peer.socket.recv(1)
        house.jump(1)
        seconds += 1
        assert seconds <= 2 * STALL_LIMIT_S
    assert seconds >= STALL_LIMIT_S
    assert house.router.heard[-1] == ("close", 4008, "slow consumer: stalled")


def test_g99_so_is_one_who_reads_a_big_page_like_that(make_house):
    house = make_house()
    peer = house.connect(sndbuf=4096)
    peer.send(get("/big"))
    assert peer.client.transport.queued > BIG // 2
    for _ in range(int(2 * STALL_LIMIT_S) + 10):
        peer.socket.recv(1)
        house.jump(1)
    assert peer.client.state is State.GONE
    peer.received()
    assert peer.buried


def test_g99_and_one_who_reads_the_last_words_like_that(make_house):
    house = make_house()
    peer = house.open(sndbuf=4096)
    fan_out(house, [peer], b"x" * 50_000)
    peer.client.close(1000)
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            peer.socket.recv(1)
        house.jump(1)
    assert peer.buried


# -- 104 and 105: at the door ------------------------------------------------------------------------------------------


def knock(server, count, path="/chat"):
    """Ask `count` times for an upgrade, all connections kept; return their sockets and the heads of their answers."""
    socks = [socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) for _ in range(count)]
    heads = []
    for sock in socks:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            sock.sendall(UPGRADE.format(path=path).encode())
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = sock.recv(4096)
        heads.append(answer)
    return socks, heads


def close_all(socks):
    for sock in socks:
        sock.close()


def test_g104_above_the_limit_of_connections_the_answer_is_503_and_a_moment_of_its_own_to_come_back(start, connect):
    server = start("--set", "limits.connections=3")
    ann = connect(server, "ann", "lobby")
    socks, heads = knock(server, 42)
    assert [head[9:12] for head in heads] == [b"101"] * 2 + [b"503"] * 40
    moments = {int(parse_answers(head)[0][1]["retry-after"]) for head in heads[2:]}
    assert moments <= set(range(1, RETRY_AFTER_S + 1))
    assert len(moments) > 5
    assert ann.ask("ping")["type"] == "pong"
    close_all(socks)
    while ann.ask("request", method="stats")["result"]["clients"] > 1:
        pass
    again, heads = knock(server, 1)
    assert heads[0].startswith(b"HTTP/1.1 101 ")
    close_all(again)


def test_g104_above_the_limit_of_an_address_likewise(start):
    server = start("--set", "limits.connections_per_ip=3")
    socks, heads = knock(server, 6)
    assert [head[9:12] for head in heads] == [b"101"] * 3 + [b"503"] * 3
    assert all(b"\r\nRetry-After: " in head for head in heads[3:])
    close_all(socks)


def test_g104_a_storm_of_handshakes_from_one_address_is_answered_429_beyond_its_rate(start, connect):
    server = start("--set", "limits.handshakes_per_ip=0.5")
    ann = connect(server, "ann", "lobby")
    before = cpu_seconds(server)
    statuses = []
    for _ in range(4):
        socks, heads = knock(server, 50)
        statuses += [head[9:12] for head in heads]
        close_all(socks)
    assert statuses[:4] == [b"101"] * 4
    assert set(statuses[4:]) <= {b"429", b"", b"101"}  # who is above the refusals at once is just closed
    assert statuses.count(b"101") < 20
    assert statuses.count(b"429") > 20
    assert cpu_seconds(server) - before < 2.0
    assert ann.ask("ping")["type"] == "pong"


def test_g105_everybody_comes_back_at_once_and_has_missed_nothing(start, connect):
    server = start("--set", "limits.rate=0", "--set", "presence.leave_grace=0s")
    ann = connect(server, "ann", "lobby")
    everybody = [connect(server, f"user-{number}", "lobby") for number in range(150)]
    epoch = ann.join("lobby")["epoch"]
    for talker in everybody:
        talker.vanish()
    while ann.ask("presence", channel="lobby")["count"] > 1:
        pass
    for number in range(20):
        assert ann.ask("message", channel="lobby", text=str(number))["seq"] == number + 1
    before = cpu_seconds(server)
    back = [Talker(server.ws()) for _ in everybody]
    for number, talker in enumerate(back):
        talker.say("join", channel="lobby", user=f"user-{number}", since=0, epoch=epoch)
    ann.say("message", channel="lobby", text="welcome back")
    for talker in back:
        joined = talker.hear("joined")
        seqs = [message["seq"] for message in joined["messages"]]
        if joined["seq"] == 20:
            seqs.append(talker.hear("message")["seq"])
        assert (joined["recovered"], seqs) == (True, list(range(1, 22)))
    assert cpu_seconds(server) - before < 5.0
    close_all(talker.socket for talker in back)


def test_g105_presence_tells_of_a_herd_in_a_few_words(start, connect):
    server = start("--set", "presence.leave_grace=0s")
    ann = connect(server, "ann", "lobby")
    herd = [connect(server, f"user-{number}", "lobby") for number in range(90)]
    while ann.ask("presence", channel="lobby")["count"] < len(herd) + 1:
        pass
    ann.hear("presence", count=len(herd) + 1)
    told = [event for event in ann.kept if event["type"] == "presence"]
    assert len(told) < 30
    assert len(json.dumps(told)) < 30_000
