import socket

import pytest

from tests.net.rig import Owner
from wsserver.net.outbox import DROP_OLDEST, Droppable
from wsserver.net.owner import OVERFLOW, STALLED
from wsserver.net.transport import (
    PAUSE_S,
    READ_PAUSE,
    READ_SIZE,
    STALL_BYTES,
    STALL_LIMIT_S,
    Transport,
)


def test_what_comes_goes_to_on_bytes(rig):
    rig.peer.send(b"hello")
    rig.turn()
    assert rig.owner.data == b"hello"


def test_one_wake_up_reads_a_bounded_portion(make_rig):
    rig = make_rig()
    rig.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    rig.peer.send(b"x" * (READ_SIZE + 1000))
    rig.turn()
    assert len(rig.owner.data) == READ_SIZE
    rig.turn()
    assert len(rig.owner.data) == READ_SIZE + 1000


def test_an_owner_may_want_smaller_portions(rig):
    rig.transport.read_size = 10
    rig.peer.send(b"x" * 15)
    rig.turn()
    assert len(rig.owner.data) == 10
    rig.turn()
    assert len(rig.owner.data) == 15


def test_output_of_a_turn_leaves_as_one_piece_at_its_end(make_rig):
    rig = make_rig()
    rig.transport.write(b"one ")
    rig.transport.write(b"two")
    rig.peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        rig.peer.recv(10)
    rig.turn()
    assert rig.peer.recv(10) == b"one two"


def test_a_slow_reader_gets_everything_in_order(rig):
    data = rig.fill()
    rig.transport.write_last(b"the end")
    assert rig.read_and_turn(len(data) + 7) == data + b"the end"
    assert rig.transport.queued == 0
    assert rig.owner.heard == []


def test_a_peer_that_does_not_read_is_not_read_from(rig):
    data = rig.fill()
    assert rig.transport.queued > READ_PAUSE
    rig.peer.send(b"more questions")
    rig.turn(3)
    assert rig.owner.data == b""
    rig.read_and_turn(len(data))
    rig.turn()
    assert rig.owner.data == b"more questions"


def test_drained_is_said_each_time_the_last_byte_has_left(rig):
    said = []
    rig.transport.on_drained = lambda: said.append(1)
    rig.transport.write(b"x")
    rig.turn()
    assert said == [1]
    data = rig.fill()
    assert said == [1]
    rig.read_and_turn(len(data) + 1)
    rig.turn()
    assert said == [1, 1]


def test_a_held_transport_reads_nothing_until_it_is_released(rig):
    rig.transport.hold()
    rig.peer.send(b"x")
    rig.turn(2)
    assert rig.owner.data == b""
    rig.transport.release()
    rig.turn()
    assert rig.owner.data == b"x"


def test_the_end_of_the_peer_s_stream_is_reported_once_and_does_not_spin(rig):
    rig.peer.send(b"last")
    rig.peer.shutdown(socket.SHUT_WR)
    rig.turn(5)
    assert rig.owner.data == b"last"
    assert rig.owner.heard == ["eof"]
    rig.transport.write(b"still there?")
    rig.turn()
    assert rig.peer.recv(100) == b"still there?"


def test_a_broken_connection_is_reported_in_the_turn_after_the_send_that_found_it(rig):
    rig.transport.hold()
    rig.peer.close()
    rig.transport.write(b"x")
    rig.reactor._flush()
    assert rig.owner.heard == []
    rig.turn(2)
    assert rig.owner.heard == ["lost", "buried"]


def test_a_hang_up_ends_a_transport_that_does_not_read_because_it_is_not_read_itself(rig):
    rig.fill()
    rig.peer.close()
    rig.turn(3)
    assert rig.owner.heard == ["lost", "buried"]


def test_a_hang_up_is_heard_by_a_transport_that_is_held_with_output_that_can_never_leave(make_rig):
    rig = make_rig(sndbuf=4096)
    rig.fill()
    rig.transport.hold()
    rig.peer.shutdown(socket.SHUT_RDWR)  # reports a hang-up and nothing else, for as long as nobody sends
    rig.turn(3)
    assert rig.owner.heard == ["lost", "buried"]


def test_a_hang_up_that_was_reported_while_it_was_held_waits_for_what_is_read_after_it(rig):
    rig.transport.hold()
    rig.peer.send(b"last words")
    rig.peer.close()
    rig.reactor.call_soon(rig.transport.release)  # runs when the hang-up is polled and not yet handed out
    rig.turn()
    assert rig.owner.heard == []
    rig.turn(2)
    assert rig.owner.data == b"last words"
    assert rig.owner.heard == ["eof"]


def test_what_was_sent_before_a_hang_up_is_read_when_the_owner_is_ready(rig):
    rig.transport.hold()
    rig.peer.send(b"last words")
    rig.peer.close()
    rig.turn(3)
    assert rig.owner.heard == [] and rig.owner.data == b""
    rig.transport.release()
    rig.turn(3)
    assert rig.owner.data == b"last words"
    assert rig.owner.heard[0] == "eof"


def test_answers_that_nobody_reads_stop_the_reading_of_questions(rig):
    """The queue grows while it is blocked, not only when it becomes blocked."""
    rig.transport.on_bytes = lambda data: rig.transport.write(data)
    rig.peer.setblocking(False)
    sent = 0
    for _ in range(2000):
        try:
            sent += rig.peer.send(b"x" * 60_000)
        except BlockingIOError:
            pass
        rig.turn()
        assert rig.transport.queued < READ_PAUSE + 2 * READ_SIZE
    assert rig.owner.heard == []


def test_a_pause_of_ours_is_not_held_against_a_peer_that_has_read_everything_meanwhile(rig):
    data = rig.fill(300_000)
    left = rig.peer.recv(len(data))
    rig.peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        while piece := rig.peer.recv(1 << 20):
            left += piece
    rig.jump(STALL_LIMIT_S + 60)
    assert rig.owner.heard == []


def test_a_reset_is_a_loss(rig):
    listener = socket.create_server(("127.0.0.1", 0))
    peer = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    ours.setblocking(False)
    owner = Owner()
    Transport(rig.reactor, ours, "x", 1000).start(owner)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    rig.turn(2)
    assert owner.heard == ["lost", "buried"]
    listener.close()


def test_the_queue_is_bounded_and_its_overflow_reported_in_the_next_turn(make_rig):
    rig = make_rig(limit=200_000, sndbuf=4096)
    for _ in range(1000):
        rig.transport.write(b"x" * 10_000)
    assert rig.transport.queued <= 200_000
    assert rig.owner.heard == []
    rig.turn()
    assert rig.owner.heard == [OVERFLOW]


def test_a_queue_that_is_full_before_anything_was_sent_is_sent_first(make_rig):
    rig = make_rig(limit=1000)
    for _ in range(10):
        rig.transport.write(b"x" * 500)
    rig.turn()
    assert rig.owner.heard == []
    assert rig.read(5000) == b"x" * 5000


def test_a_frame_larger_than_the_limit_passes_an_empty_queue(make_rig):
    rig = make_rig(limit=1000)
    rig.transport.write(b"y" * 5000)
    rig.turn()
    assert rig.read(5000) == b"y" * 5000
    assert rig.owner.heard == []


def test_drop_oldest_keeps_the_connection_and_what_is_newest(make_rig):
    rig = make_rig(limit=200_000, policy=DROP_OLDEST, sndbuf=4096)
    for number in range(1000):
        rig.transport.write(Droppable(b"%06d" % number * 100))
    rig.turn()
    assert rig.owner.heard == []
    assert rig.transport.frames[-1] == b"000999" * 100
    assert rig.transport.queued <= 200_000


def test_a_queue_that_does_not_move_is_reported_as_stalled(rig):
    rig.fill()
    rig.jump(STALL_LIMIT_S - 1)
    assert rig.owner.heard == []
    rig.jump(1.1)
    assert rig.owner.heard == [STALLED]


def test_a_queue_that_moves_slowly_is_not_stalled(rig):
    rig.fill(16 << 20)
    for _ in range(4):
        rig.jump(STALL_LIMIT_S * 0.6)
        rig.read_all_there_is()
        rig.turn()
    assert rig.owner.heard == []


def test_a_queue_that_loses_a_byte_now_and_then_is_stalled_all_the_same(make_rig):
    rig = make_rig(sndbuf=4096)
    rig.fill(STALL_BYTES * 2)
    seconds = 0
    while not rig.owner.heard:
        rig.read_all_there_is()  # a few KiB, since the buffers are small
        rig.jump(10)
        seconds += 10
        assert seconds <= 2 * STALL_LIMIT_S
    assert rig.owner.heard == [STALLED]
    assert seconds >= STALL_LIMIT_S


def test_a_reader_just_fast_enough_keeps_a_queue_that_never_gets_empty(make_rig):
    rig = make_rig(sndbuf=4096)
    rig.fill(STALL_BYTES * 12)
    for _ in range(8):
        rig.read_and_turn(STALL_BYTES // 2)
        rig.jump(STALL_LIMIT_S / 2 - 1)
    assert rig.transport.frames
    assert rig.owner.heard == []


def test_what_a_policy_dropped_is_not_owed_any_more(make_rig):
    rig = make_rig(limit=100_000, policy=DROP_OLDEST, sndbuf=4096)
    for _ in range(12):
        for _ in range(200):
            rig.transport.write(Droppable(b"z" * 1000))
        rig.jump(STALL_LIMIT_S / 3)
        rig.read_all_there_is()
        rig.turn()
    assert rig.owner.heard == []


def test_a_pause_of_ours_gives_a_slow_reader_another_round(make_rig):
    rig = make_rig(sndbuf=4096)
    rig.fill(STALL_BYTES * 2)
    rig.jump(STALL_LIMIT_S + PAUSE_S)
    assert rig.owner.heard == []
    rig.jump(STALL_LIMIT_S)
    assert rig.owner.heard == [STALLED]


def test_an_fd_is_closed_only_at_the_end_of_the_turn(rig):
    fd = rig.transport.fd
    rig.transport.close()
    rig.transport.close()
    assert rig.transport.sock.fileno() == fd
    rig.turn()
    assert rig.transport.sock.fileno() == -1
    assert rig.owner.heard == ["buried"]


def test_events_of_a_closed_transport_that_wait_in_the_batch_mean_nothing(rig):
    rig.peer.send(b"late")
    rig.transport.close()
    rig.transport.on_events(1)
    assert rig.owner.data == b""


def test_what_is_written_to_a_closed_transport_is_ignored(rig):
    rig.transport.close()
    rig.transport.write(b"x")
    rig.transport.write_last(b"x")
    assert rig.transport.queued == 0
