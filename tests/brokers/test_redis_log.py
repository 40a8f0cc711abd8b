"""The log in a real Redis: numbers, keys, what is kept, and what becomes of a batch when the link breaks."""

import pytest

from tests.brokers.redis_rig import kill
from wsserver.brokers.redis_log import DOUBT_LIMIT_S, RedisLog
from wsserver.chat.log import Publication, StoreUnavailable


class Desk:
    """A log and its node, and the words that tests use."""

    def __init__(self, rig, url, history=100):
        self.rig = rig
        self.broker, self.node = rig.broker(url)
        self.log = RedisLog(rig.reactor, self.broker, lambda channel: 0 if channel.startswith("live") else history, 0)

    def begin(self, *publications):
        told = []
        self.log.append([said(*one) if isinstance(one, tuple) else one for one in publications], told.append)
        return told

    def append(self, *publications):
        told = self.begin(*publications)
        self.rig.until(lambda: told)
        return told[0]

    def post(self, count=1, channel="c"):
        return [one.message.seq for one in self.append(*[said(channel, f"text {i}") for i in range(count)])]

    def glance(self, channel="c", limit=50):
        return self.ask(self.log.glance, channel, limit)

    def read(self, first, last, channel="c"):
        return self.ask(self.log.read, channel, first, last)

    def ask(self, question, *arguments):
        told = []
        question(*arguments, told.append)
        assert told == []
        self.rig.until(lambda: told)
        return told[0]


def said(channel="c", text="hello", user="ann", key=None, ts=1_700_000_000_000):
    return Publication(channel, user, text, ts, key)


@pytest.fixture
def desk(rig, redis):
    return Desk(rig, redis.url())


def test_numbers_run_on_without_a_gap_for_all_nodes(rig, redis, desk):
    other = Desk(rig, redis.url())
    assert desk.post(3) == [1, 2, 3]
    assert other.post(2) == [4, 5]
    first, second = desk.begin(*[said()] * 50), other.begin(*[said()] * 50)
    rig.until(lambda: first and second)
    assert sorted(one.message.seq for one in first[0] + second[0]) == list(range(6, 106))


def test_what_is_appended_is_published_in_the_same_step(rig, redis, desk):
    other = Desk(rig, redis.url())
    rig.open(other.broker, "c", "live")
    desk.append(("c", "one"), ("live", "zwei €"), ("c", "three"))
    rig.until(lambda: len(other.node.texts("c")) == 2 and other.node.texts("live"))
    epoch = desk.glance().head.epoch
    assert [heard for heard in other.node.heard if len(heard) == 5 and heard[0] == "c"] == [
        ("c", epoch, 1, "ann", "one"),
        ("c", epoch, 2, "ann", "three"),
    ]
    assert other.node.texts("live") == ["zwei €"]
    assert desk.node.texts() == []


def test_as_many_as_are_wanted_are_kept_and_read_back_as_they_were(desk):
    desk.post(120)
    glance = desk.glance(limit=3)
    assert (glance.head.seq, glance.head.oldest) == (120, 21)
    assert [(one.seq, one.text, one.user, one.ts) for one in glance.messages] == [
        (118, "text 117", "ann", 1_700_000_000_000),
        (119, "text 118", "ann", 1_700_000_000_000),
        (120, "text 119", "ann", 1_700_000_000_000),
    ]
    assert [one.seq for one in desk.read(15, 23)] == [21, 22, 23]
    assert [one.seq for one in desk.read(119, 500)] == [119, 120]
    assert desk.read(121, 130) == desk.read(5, 20) == []
    assert desk.glance(limit=0).messages == []


def test_a_channel_without_history_has_numbers_and_keeps_nothing(desk):
    assert desk.post(3, "live") == [1, 2, 3]
    glance = desk.glance("live")
    assert (glance.head.seq, glance.head.oldest, glance.messages) == (3, 4, [])


def test_a_channel_that_was_never_heard_of_gets_an_epoch_that_stays(desk):
    epoch = desk.glance("new").head.epoch
    assert epoch and ":" not in epoch
    assert desk.glance("new").head.epoch == epoch
    desk.post(1, "new")
    assert (desk.glance("new").head.epoch, desk.glance("new").head.seq) == (epoch, 1)


def test_a_key_is_stored_once_and_answered_with_the_first_number_on_every_node(rig, redis, desk):
    other = Desk(rig, redis.url())
    [first] = desk.append(said(key="k", text="first", ts=1_700_000_000_001))
    [again, another_user, fresh] = other.append(
        said(key="k", text="again"), said(key="k", user="bob"), said(text="fresh")
    )
    assert (again.message.seq, again.message.ts, again.duplicate) == (1, 1_700_000_000_001, True)
    assert [one.message.seq for one in (first, another_user, fresh)] == [1, 2, 3]
    assert [one.text for one in desk.glance().messages] == ["first", "hello", "fresh"]


def test_a_key_that_is_repeated_within_a_batch_is_stored_once(desk):
    stored = desk.append(said(key="k"), said(), said(key="k"))
    assert [(one.message.seq, one.duplicate) for one in stored] == [(1, False), (2, False), (1, True)]


def test_keys_and_quiet_channels_do_not_stay_for_ever(redis, desk):
    desk.append(said(key="k"), said("live"))
    lives = {key: redis.ask("TTL", key) for key in redis.ask("KEYS", "wsserver:l:*")}
    assert len(lives) == 6  # two heads, one list, two parcels, one key
    assert all(0 < life <= 7 * 86400 for life in lives.values())
    assert sorted(lives.values())[:3] <= [300] * 3


def test_names_with_braces_keep_all_keys_of_a_channel_under_one_tag(redis, desk):
    for channel in ("}", "a}b", "%7D", "{x}"):
        assert desk.post(2, channel) == [1, 2]
    tags = {key.split(b"{", 1)[1].split(b"}")[0] for key in redis.ask("KEYS", "wsserver:l:*")}
    assert tags == {b"%7D", b"a%7Db", b"%257D", b"{x%7D"}


def test_a_batch_of_any_size_is_stored_in_its_order(desk):
    stored = desk.append(*[said(text=f"{number} " + "x" * 3000) for number in range(2500)])
    assert [one.message.seq for one in stored] == list(range(1, 2501))
    assert [one.text.split()[0] for one in desk.glance(limit=2).messages] == ["2498", "2499"]


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_stored_twice(rig, redis, desk):
    desk.post(1)
    told = desk.begin(said(text="once"))
    desk.rig.reactor.run_once()  # it is sent
    desk.broker.commands.link.drop("a test")
    rig.until(lambda: told)
    assert [one.message.seq for one in told[0]] == [2]
    assert [one.text for one in desk.glance().messages] == ["text 0", "once"]


def test_without_a_link_a_batch_is_refused_and_was_not_stored(rig, desk):
    desk.broker.commands.link.drop("the cable is out")
    told = desk.begin(said())
    assert told == []
    rig.until(lambda: told)
    assert isinstance(told[0], StoreUnavailable)
    rig.until(lambda: desk.broker.up)
    assert desk.glance().head.seq == 0


def test_a_batch_that_stays_in_doubt_is_told_so_in_the_end(rig, own_redis):
    desk = Desk(rig, own_redis.url())
    own_redis.pause()
    told = desk.begin(said())
    rig.turn()
    own_redis.kill()
    rig.until(lambda: desk.log._doubtful)
    assert told == []
    rig.jump(DOUBT_LIMIT_S + 1)
    rig.until(lambda: told)
    assert isinstance(told[0], StoreUnavailable) and "is not known" in str(told[0])


def test_a_redis_that_comes_back_empty_has_new_epochs_and_the_node_is_told(rig, own_redis):
    desk = Desk(rig, own_redis.url())
    desk.post(5)
    before = desk.glance().head.epoch
    own_redis.kill()
    own_redis.start()
    rig.until(lambda: desk.node.heard.count("restored") == 2)
    assert desk.post(1) == [1]
    [(channel, epoch, seq, _, text)] = [heard for heard in desk.node.heard if len(heard) == 5]
    assert (channel, seq, text) == ("c", 1, "text 0")
    assert epoch == desk.glance().head.epoch != before


def test_scripts_that_redis_has_forgotten_are_sent_again(redis, desk):
    desk.post(1)
    redis.ask("SCRIPT", "FLUSH")
    assert desk.post(2) == [2, 3]


def test_a_redis_whose_memory_is_full_refuses_with_a_sentence_and_takes_more_when_there_is_room(rig, own_redis):
    desk = Desk(rig, own_redis.url())
    desk.post(1)
    own_redis.ask("CONFIG", "SET", "maxmemory", "1mb")
    refused = desk.append(said(text="x" * 1000))
    assert isinstance(refused, StoreUnavailable) and "memory is full" in str(refused)
    assert "memory is full" in desk.log.trouble
    own_redis.ask("CONFIG", "SET", "maxmemory", "0")
    assert desk.post(1) == [2]
    assert desk.log.trouble is None


def test_a_closed_log_calls_nobody_back(rig, desk):
    told = desk.begin(said())
    desk.log.glance("c", 5, told.append)
    desk.log.close()
    rig.settle(desk.broker)
    assert told == []


def test_a_kept_value_that_is_none_of_ours_is_an_error_and_not_a_message(redis, desk):
    desk.post(1)
    redis.ask("LSET", "wsserver:l:{c}:m", 0, "junk")
    assert isinstance(desk.glance(), StoreUnavailable)
    redis.ask("SET", "wsserver:l:{d}:h", "junk")
    assert isinstance(desk.glance("d"), StoreUnavailable)
    assert isinstance(desk.append(said("d")), StoreUnavailable)


def test_a_node_whose_link_is_gone_for_good_refuses(rig, desk):
    kill(desk.broker)
    assert isinstance(desk.append(said()), StoreUnavailable)
