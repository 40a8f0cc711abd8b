"""Big files that change while they are sent, and readers of them that stop."""

import os
import socket

import pytest

from tests.clients.rig import get, parse_answers
from tests.threats.raw_heads import GOOD, LAST, head
from wsserver.clients.handshake import BODY_PROGRESS_S
from wsserver.http.static import StaticFiles
from wsserver.net.files import SLICE_SIZE, Directory
from wsserver.net.transport import STALL_LIMIT_S

BIG = 16 << 20
"""Bytes of a file that the buffers of two kernels do not hold."""

ASK = head(line=b"GET /big.txt HTTP/1.1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def flags(folder):
    return ("--set", f"server.static={folder}")


@pytest.fixture
def big(folder):
    """A file too large for one piece."""
    path = folder / "big.txt"
    path.write_bytes(b"x" * BIG)
    yield path
    path.unlink()


def start_reading(attacker):
    """Ask for the big file and read the head of the answer; return who asked."""
    one = attacker()
    one._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)  # however much this kernel would take
    one.send(ASK)
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += one.read(1)
    [(status, headers, _)] = parse_answers(data)
    assert (status, int(headers["content-length"])) == (200, BIG)
    return one


def test_h113_a_file_that_is_cut_while_it_is_sent_ends_early_and_is_not_padded(attacker, big):
    one = start_reading(attacker)
    os.truncate(big, 0)
    one.send(GOOD)
    body = one.rest()
    assert len(body) < BIG
    assert body == b"x" * len(body)


def test_h113_a_file_that_is_replaced_while_it_is_sent_arrives_as_it_was(attacker, big):
    one = start_reading(attacker)
    other = big.with_name("other.txt")
    other.write_bytes(b"y" * BIG)
    other.replace(big)
    assert one.read(BIG) == b"x" * BIG
    one.send(LAST)
    assert one.answers() == [200]


def test_h113_what_a_file_grows_by_while_it_is_sent_is_not_sent(attacker, big):
    one = start_reading(attacker)
    with big.open("ab") as more:
        more.write(b"y" * 1000)
    assert one.read(BIG) == b"x" * BIG
    one.send(LAST)
    assert one.answers() == [200]


def test_h116_head_of_a_big_file_has_its_length_and_no_body(attacker, big):
    one = attacker()
    one.send(head(line=b"HEAD /big.txt HTTP/1.1") + LAST)
    first, _, rest = one.rest().partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % BIG in first
    assert [status for status, _, _ in parse_answers(rest)] == [200]


def test_h118_many_who_stop_reading_a_big_file_hold_a_slice_each(server, attacker, big):
    before = server.resident_bytes()
    readers = [start_reading(attacker) for _ in range(20)]
    for _ in range(50):
        assert server.get("/livez")[0] == 200
    assert server.resident_bytes() - before < (len(readers) + 10) * 2 * SLICE_SIZE
    for reader in readers:
        reader.reset()


def times_open(path):
    """How many file descriptors of this process that file has (proc(5))."""
    links = (entry.path for entry in os.scandir("/proc/self/fd"))
    return [os.path.realpath(link) for link in links].count(os.path.realpath(path))


@pytest.fixture
def reader(make_house, folder, big):
    """A client of a house with the folder, which has asked for the big file and reads nothing."""
    directory = Directory(os.fspath(folder))
    house = make_house(pages={"/big.txt": StaticFiles(directory.open).answer})
    peer = house.connect(sndbuf=4096)
    peer.send(get("/big.txt"))
    assert times_open(big) == 1
    yield peer
    directory.close()


def test_h118_of_a_file_that_is_not_read_a_slice_waits(reader):
    reader.house.turn(20)
    assert 0 < reader.client.transport.queued < SLICE_SIZE + 1000


def test_h118_who_stops_reading_is_given_up_and_the_file_closed(reader, big):
    reader.house.jump(max(BODY_PROGRESS_S, STALL_LIMIT_S) - 1)
    assert reader.house.gone == []
    reader.house.jump(2)
    assert reader.house.gone == [reader.client]
    assert times_open(big) == 0


def test_h118_who_leaves_in_the_middle_leaves_no_file_open(reader, big):
    reader.received()
    reader.house.turn(4)
    assert times_open(big) == 1
    reader.hang_up()
    assert reader.house.gone == [reader.client]
    assert times_open(big) == 0
