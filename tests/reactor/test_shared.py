"""Memory that several processes see, and sockets that keep messages apart."""

import os
import socket
import subprocess
import sys

import pytest

from wsserver.reactor.shared import close_memory, map_memory, message_pair, new_memory

WRITE = "import mmap, sys; mmap.mmap(int(sys.argv[1]), 16)[3:6] = b'abc'"


@pytest.fixture
def memory():
    fd = new_memory(16)
    yield fd
    close_memory(fd)


@pytest.fixture
def pair():
    ends = message_pair()
    yield ends
    for end in ends:
        end.close()


def test_new_memory_is_all_zeros_and_as_large_as_was_asked(memory):
    assert bytes(map_memory(memory)) == bytes(16)


def test_what_is_written_through_one_view_is_read_through_another(memory):
    one, two = map_memory(memory), map_memory(memory)
    one[2] = 7
    assert two[2] == 7
    two.cast("I")[2] = 1 << 24
    assert bytes(one[8:12]) in (b"\0\0\0\1", b"\1\0\0\0")


def test_another_process_that_inherits_it_writes_into_the_same(memory):
    view = map_memory(memory)
    subprocess.run([sys.executable, "-c", WRITE, str(memory)], pass_fds=[memory], check=True, timeout=30)
    assert bytes(view) == b"\0\0\0abc" + bytes(10)


def test_a_view_outlives_its_descriptor():
    fd = new_memory(8)
    view = map_memory(fd)
    close_memory(fd)
    view[0] = 1
    assert view[0] == 1
    with pytest.raises(OSError):
        os.fstat(fd)


def test_children_do_not_inherit_it_unless_they_are_meant_to(memory, pair):
    assert not os.get_inheritable(memory)
    assert not any(end.get_inheritable() for end in pair)


def test_where_there_is_no_such_memory_no_descriptor_is_left():
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        new_memory(-1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_messages_stay_apart_and_in_order(pair):
    reader, writer = pair
    for message in (b"one", b"", b"three"):
        writer.send(message or b"-")
    assert [reader.recv(100) for _ in range(3)] == [b"one", b"-", b"three"]


def test_nobody_waits_at_either_end(pair):
    reader, writer = pair
    with pytest.raises(BlockingIOError):
        reader.recv(1)
    with pytest.raises(BlockingIOError):
        for _ in range(100_000):
            writer.send(b"x" * 1000)
    assert reader.recv(2000) == b"x" * 1000


def test_the_ends_are_of_one_kind_so_that_either_may_be_the_one_that_reads(pair):
    assert [(end.family, end.type) for end in pair] == [(socket.AF_UNIX, socket.SOCK_SEQPACKET)] * 2
    pair[0].send(b"back")
    assert pair[1].recv(10) == b"back"
