"""Writing without ever waiting."""

import os
import socket
from collections.abc import Iterator

import pytest

from wsserver.observe.log_sink import DescriptorSink

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe; a test may have closed an end."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            pass


def fill(sink: DescriptorSink) -> int:
    """Write until the sink refuses; return how many lines it took."""
    for count in range(1_000_000):
        if not sink.write(LINE):
            return count
    pytest.fail("the sink never refused")


def test_line_reaches_the_reader(pipe: tuple[int, int]) -> None:
    assert DescriptorSink(pipe[1]).write(LINE)
    assert os.read(pipe[0], 1000) == LINE


def test_full_pipe_refuses_and_does_not_wait(pipe: tuple[int, int]) -> None:
    sink = DescriptorSink(pipe[1])
    assert os.get_blocking(pipe[1])
    assert fill(sink) > 100


def test_line_as_long_as_allowed_never_waits(pipe: tuple[int, int]) -> None:
    sink = DescriptorSink(pipe[1])
    longest = b"y" * 4095 + b"\n"
    taken = 0
    while sink.write(longest):
        taken += len(longest)
    assert taken >= 4096


def test_pipe_that_was_read_takes_lines_again(pipe: tuple[int, int]) -> None:
    sink = DescriptorSink(pipe[1])
    fill(sink)
    os.read(pipe[0], 65536)
    assert sink.write(LINE)


def test_blocking_flag_of_a_shared_descriptor_is_left_alone(pipe: tuple[int, int]) -> None:
    fill(DescriptorSink(pipe[1]))
    assert os.get_blocking(pipe[1])


def test_descriptor_that_somebody_made_non_blocking_is_fine_too(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    assert fill(DescriptorSink(pipe[1])) > 100


def test_reader_that_is_gone_is_a_refusal(pipe: tuple[int, int]) -> None:
    sink = DescriptorSink(pipe[1])
    os.close(pipe[0])
    assert not sink.write(LINE)


def test_descriptor_that_was_closed_is_a_refusal(pipe: tuple[int, int]) -> None:
    sink = DescriptorSink(pipe[1])
    os.close(pipe[1])
    assert not sink.write(LINE)


def test_full_stream_socket_refuses_too() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert fill(DescriptorSink(near.fileno())) > 10
