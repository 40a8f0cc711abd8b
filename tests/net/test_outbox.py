import pytest

from wsserver.net.outbox import (
    CLOSE,
    DROP_OLDEST,
    ENTRY_OVERHEAD,
    GATHER_LIMIT,
    LATEST,
    Droppable,
    Outbox,
    Stream,
    Streamed,
)


def filled(*frames):
    outbox = Outbox()
    for frame in frames:
        outbox.append(frame)
    return outbox


def weight(frames):
    return sum(len(frame) + ENTRY_OVERHEAD for frame in frames)


def test_every_frame_is_charged_its_bytes_and_its_place():
    assert filled(b"abc", b"d").queued == 4 + 2 * ENTRY_OVERHEAD


def test_one_frame_is_handed_out_without_a_copy():
    frame = b"x" * 100
    assert filled(frame).gather() is frame


def test_many_frames_leave_as_one():
    outbox = filled(b"ab", b"cd", b"ef")
    assert outbox.gather() == b"abcdef"
    outbox.sent(6)
    assert (outbox.frames, outbox.queued) == ([], 0)


@pytest.mark.parametrize("count", range(7))
def test_a_partial_send_keeps_the_rest_wherever_it_cuts(count):
    outbox = filled(b"ab", b"cd", b"ef")
    outbox.gather()
    outbox.sent(count)
    assert bytes(outbox.gather() if outbox.frames else b"") == b"abcdef"[count:]
    assert outbox.queued == weight(outbox.frames)


def test_partial_sends_add_up_within_one_frame():
    outbox = filled(b"abcdef")
    for _ in range(3):
        outbox.gather()
        outbox.sent(2)
    assert outbox.frames == [] and outbox.queued == 0 and outbox.head_sent == 0


def test_a_long_queue_is_gathered_in_bounded_portions_and_nothing_is_lost():
    frames = [bytes([i]) * 100_000 for i in range(10)]
    outbox = filled(*frames)
    out = b""
    while outbox.frames:
        data = outbox.gather()
        assert len(data) < GATHER_LIMIT + 100_000
        out += data
        outbox.sent(len(data))
        assert outbox.queued == weight(outbox.frames)
    assert out == b"".join(frames)


def test_dropping_keeps_the_frame_that_is_cut_in_the_middle():
    outbox = filled(b"abcd", b"ef", b"gh")
    outbox.gather()
    outbox.sent(1)
    assert outbox.drop_unsent() == 2
    assert bytes(outbox.gather()) == b"bcd"
    assert outbox.queued == weight([b"abcd"])


def test_dropping_takes_everything_when_no_frame_is_cut():
    outbox = filled(b"ab", b"cd")
    assert outbox.drop_unsent() == 2
    assert outbox.frames == [] and outbox.queued == 0


LIMIT = 4 * (10 + ENTRY_OVERHEAD)


def news(letter):
    return Droppable(letter * 10)


def test_the_policy_close_drops_nothing():
    outbox = filled(news(b"a"), news(b"b"), news(b"c"), news(b"d"))
    assert not outbox.make_room(CLOSE, b"x" * 10, LIMIT)
    assert len(outbox.frames) == 4


def test_drop_oldest_drops_just_enough_from_the_front():
    outbox = filled(news(b"a"), b"answer....", news(b"b"), news(b"c"))
    assert outbox.make_room(DROP_OLDEST, b"x" * 10, LIMIT)
    assert outbox.frames == [b"answer....", news(b"b"), news(b"c")]
    assert outbox.queued == weight(outbox.frames)


def test_latest_drops_all_that_may_be_dropped():
    outbox = filled(news(b"a"), b"answer....", news(b"b"), news(b"c"))
    assert outbox.make_room(LATEST, b"x" * 10, LIMIT)
    assert outbox.frames == [b"answer...."]


@pytest.mark.parametrize("policy", [DROP_OLDEST, LATEST])
def test_a_frame_whose_first_bytes_have_left_is_never_dropped(policy):
    outbox = filled(news(b"a"), news(b"b"), news(b"c"), news(b"d"))
    outbox.gather()
    outbox.sent(3)
    assert outbox.make_room(policy, b"x" * 10, LIMIT)
    assert outbox.frames[0] == news(b"a")
    assert bytes(outbox.gather()).startswith(b"a" * 7)


@pytest.mark.parametrize("policy", [DROP_OLDEST, LATEST])
def test_a_queue_of_answers_has_no_room_to_make(policy):
    outbox = filled(*[b"answer...."] * 4)
    assert not outbox.make_room(policy, b"x" * 10, LIMIT)
    assert len(outbox.frames) == 4


OLDEST, NEWEST, STRICT = Stream(DROP_OLDEST), Stream(LATEST), Stream(CLOSE)


def of(stream, letter):
    return Streamed(letter * 10, stream)


@pytest.mark.parametrize("policy", [CLOSE, DROP_OLDEST, LATEST])
def test_a_stream_s_own_policy_goes_before_that_of_the_client(policy):
    outbox = filled(b"answer....", of(STRICT, b"a"), of(OLDEST, b"b"), of(OLDEST, b"c"))
    assert outbox.make_room(policy, of(STRICT, b"x"), LIMIT)
    assert outbox.frames == [b"answer....", of(STRICT, b"a"), of(OLDEST, b"c")]
    assert outbox.queued == weight(outbox.frames)


@pytest.mark.parametrize("policy", [CLOSE, DROP_OLDEST, LATEST])
def test_of_a_latest_stream_the_newest_frame_stays(policy):
    outbox = filled(of(NEWEST, b"a"), b"answer....", of(NEWEST, b"b"), of(NEWEST, b"c"))
    assert outbox.make_room(policy, b"x" * 10, LIMIT)
    assert outbox.frames == [b"answer....", of(NEWEST, b"c")]


def test_the_frame_that_comes_is_the_newest_of_its_stream_and_of_no_other():
    other = Stream(LATEST)
    outbox = filled(of(NEWEST, b"a"), of(other, b"b"), of(NEWEST, b"c"), of(other, b"d"))
    assert outbox.make_room(CLOSE, of(other, b"x"), LIMIT)
    assert outbox.frames == [of(NEWEST, b"c")]


def test_where_only_the_newest_are_left_there_is_no_more_room_to_make():
    outbox = filled(*[of(Stream(LATEST), letter) for letter in (b"a", b"b", b"c", b"d")])
    assert not outbox.make_room(CLOSE, b"x" * 10, LIMIT)
    assert len(outbox.frames) == 4


def test_a_strict_stream_is_not_dropped_for_a_client_that_would_lose_others():
    outbox = filled(of(STRICT, b"a"), news(b"b"), of(STRICT, b"c"), of(STRICT, b"d"))
    assert outbox.make_room(LATEST, of(STRICT, b"x"), LIMIT)
    assert outbox.frames == [of(STRICT, b"a"), of(STRICT, b"c"), of(STRICT, b"d")]
    outbox.append(of(STRICT, b"x"))
    assert not outbox.make_room(LATEST, of(STRICT, b"y"), LIMIT)


@pytest.mark.parametrize("stream", [OLDEST, NEWEST])
def test_a_frame_of_a_stream_whose_first_bytes_have_left_is_never_dropped(stream):
    outbox = filled(*[of(stream, letter) for letter in (b"a", b"b", b"c", b"d")])
    outbox.gather()
    outbox.sent(3)
    assert outbox.make_room(CLOSE, of(stream, b"x"), LIMIT)
    assert outbox.frames[0] == of(stream, b"a")
