"""The copy of newest messages, in a real Redis: what is put there, how much of it stays, and what is read of it."""

import time

import pytest

from tests.brokers.redis_rig import kill
from wsserver.brokers.redis_recent import ANSWER_S, LIFE_S, REST_S, ROWS, ROWS_BYTES, RedisRecent
from wsserver.chat.vocabulary import MessageEvent


def said(*seqs, channel="c", text="hello"):
    return [MessageEvent(channel, seq, "ann", f"{text} {seq}", 1_700_000_000_000) for seq in seqs]


class Desk:
    """A node's way to the copy."""

    def __init__(self, rig, url):
        self.rig = rig
        self.broker, _ = rig.broker(url)
        self.recent = RedisRecent(rig.reactor, self.broker)

    def remember(self, messages, epoch="e", channel="c"):
        self.recent.remember(channel, epoch, messages)
        self.rig.settle(self.broker)

    def recall(self, epoch="e", channel="c", limit=ROWS):
        told = []
        self.recent.recall(channel, epoch, limit, told.append)
        self.rig.until(lambda: told)
        return told[0]

    def keys(self, epoch="e", channel="c"):
        return self.broker.names.recent(channel, epoch)


@pytest.fixture
def desk(rig, redis):
    return Desk(rig, redis.url())


def test_what_one_node_copies_another_reads(rig, redis, desk):
    messages = said(1, 2, 3)
    desk.remember(messages)
    other = Desk(rig, redis.url())
    assert other.recall() == messages
    assert other.recall(limit=2) == messages[1:]
    assert other.recall(epoch="another") == other.recall(channel="d") == []


def test_a_row_of_equal_messages_is_not_one_message(desk):
    messages = [MessageEvent("c", seq, "ann", "again", 5) for seq in (1, 2, 3)]
    desk.remember(messages)
    assert desk.recall() == messages


def test_nodes_may_copy_in_any_order_and_twice(rig, redis, desk):
    other = Desk(rig, redis.url())
    for where, seqs in ((desk, (1, 2)), (other, (5, 6)), (desk, (3, 4)), (other, (4, 5))):
        where.remember(said(*seqs))
    assert desk.recall() == said(1, 2, 3, 4, 5, 6)


def test_what_is_before_a_gap_is_not_told(desk):
    desk.remember(said(1, 2, 3, 5, 6))
    assert desk.recall() == said(5, 6)
    desk.remember(said(8))
    assert desk.recall() == said(8)
    desk.remember(said(4, 7))
    assert desk.recall() == said(*range(1, 9))


def test_only_so_many_messages_are_kept(redis, desk):
    desk.remember(said(*range(1, 151)))
    assert desk.recall(limit=1000) == said(*range(51, 151))
    for seq in range(151, 161):
        desk.remember(said(seq))
    assert redis.ask("ZCARD", desk.keys()[0]) == ROWS


@pytest.mark.parametrize("at_once", [True, False])
def test_only_so_many_bytes_are_kept_and_their_count_is_true(redis, desk, at_once):
    messages = said(*range(1, 41), text="x" * 8000)
    for some in [messages] if at_once else [[one] for one in messages]:
        desk.remember(some)
    rows = redis.ask("ZRANGE", desk.keys()[0], 0, -1)
    size = sum(map(len, rows))
    assert ROWS_BYTES - 9000 < size <= ROWS_BYTES
    assert int(redis.ask("GET", desk.keys()[1])) == size
    assert desk.recall() == messages[-len(rows) :]


def test_a_message_that_is_larger_than_all_is_not_kept_and_harms_nothing(redis, desk):
    desk.remember(said(1, 2))
    desk.remember(said(3, text="x" * ROWS_BYTES))
    desk.remember(said(4))
    assert desk.recall() == said(4)


def test_a_channel_without_news_is_forgotten(redis, desk):
    desk.remember(said(1))
    redis.ask("EXPIRE", desk.keys()[0], 5)
    desk.remember(said(2))
    assert all(LIFE_S - 10 < redis.ask("TTL", key) <= LIFE_S for key in [*desk.keys()])


@pytest.mark.parametrize("lost", [0, 1])
def test_a_copy_that_lost_a_half_begins_anew(redis, desk, lost):
    desk.remember(said(1, 2, text="x" * 60_000))
    redis.ask("DEL", desk.keys()[lost])
    desk.remember(said(3, text="x" * 60_000))
    assert [one.seq for one in desk.recall()] == [3]
    desk.remember(said(4, text="x" * 60_000))
    assert [one.seq for one in desk.recall()] == [3, 4], "what is no longer there is not counted"


@pytest.mark.parametrize("row", [b"nonsense", b"", b"\x94\x02\xa1a\xa1b\xa1c", b"\x94\x02\xa3ann\xa5other\x05"])
def test_nonsense_and_two_messages_of_one_number_are_removed(redis, desk, row):
    desk.remember(said(1, 2))
    redis.ask("ZADD", desk.keys()[0], 2, row)
    assert desk.recall() == []
    desk.rig.settle(desk.broker)
    assert redis.ask("EXISTS", *desk.keys()) == 0


def test_a_key_of_another_kind_is_no_copy(redis, desk):
    redis.ask("SET", desk.keys()[0], "x")
    assert desk.recall() == []
    desk.remember(said(1))
    assert desk.recall() == said(1), "whatever was there is replaced, for it had no size"


def test_what_cannot_be_encoded_is_left_out(redis, desk):
    desk.remember([MessageEvent("c", 1, "ann", "\ud800", 5)])
    desk.remember([MessageEvent("c", 2, "ann", "x", 1 << 70)])
    assert desk.recall() == [] and desk.broker.up


def test_without_a_link_nothing_is_asked_and_nothing_is_kept(rig, desk):
    kill(desk.broker)
    desk.broker.up = False
    told = []
    desk.recent.remember("c", "e", said(1))
    desk.recent.recall("c", "e", 50, told.append)
    assert told == [[]]
    assert not desk.recent._fresh


def test_a_redis_that_goes_while_it_is_asked_has_no_copy(rig, own_redis):
    desk = Desk(rig, own_redis.url())
    desk.remember(said(1))
    told = []
    own_redis.pause()
    desk.recent.recall("c", "e", 50, told.append)
    own_redis.resume()
    own_redis.kill()
    rig.until(lambda: told)
    assert told in ([[]], [said(1)])  # it may have answered in between
    rig.until(lambda: not desk.broker.up)
    assert desk.recall() == []


def test_a_slow_redis_is_not_waited_for_and_then_left_alone_for_a_moment(rig, own_redis):
    desk = Desk(rig, own_redis.url())
    desk.remember(said(1))
    own_redis.pause()
    told = []
    desk.recent.recall("c", "e", 50, told.append)
    rig.turn()
    assert told == []
    rig.jump(ANSWER_S)
    rig.until(lambda: told)
    assert told == [[]]
    own_redis.resume()
    desk.recent.recall("c", "e", 50, told.append)
    assert told == [[], []], "it was not asked"
    rig.settle(desk.broker)
    assert told == [[], []], "an answer that is late is nobody's"
    rig.jump(REST_S)
    assert desk.recall() == said(1)


def test_a_turn_copies_each_channel_by_one_script(redis, desk):
    def calls():
        stats = redis.ask("INFO", "commandstats").decode()
        return int(stats.partition("cmdstat_evalsha:calls=")[2].partition(",")[0])

    before = calls()
    for seq in range(1, 21):
        desk.recent.remember("a", "e", said(seq, channel="a"))
        desk.recent.remember("b", "e", said(seq, channel="b"))
    desk.rig.settle(desk.broker)
    assert calls() - before == 2
    assert len(desk.recall(channel="b")) == 20


def test_what_it_costs_here_stays_small(desk):
    messages = [said(seq)[0] for seq in range(1, 2001)]
    begun = time.process_time()
    for one in messages:
        desk.recent.remember("c", "e", [one])
    desk.rig.settle(desk.broker)
    assert time.process_time() - begun < 1.0, "2,000 messages of one turn take some milliseconds"
