"""This node's share of presence in Redis, and when it is written."""

from wsserver.brokers import redis_presence
from wsserver.chat.broker import Move


def fields(redis, channel="c"):
    return sorted(field.decode().partition("|")[2] for field in redis.ask("HKEYS", f"wsserver:p:{channel}"))


def test_only_what_is_true_at_the_end_of_a_turn_is_written(rig, redis):
    broker, _ = rig.broker(redis.url())
    for move in (Move.ENTER, Move.LEAVE, Move.ENTER):
        broker.presence("c", "ann", move)
    broker.presence("c", "bob", Move.ENTER)
    broker.presence("c", "bob", Move.LOSE)
    rig.settle(broker)
    assert fields(redis) == ["ann"]
    assert redis.ask("SMEMBERS", f"wsserver:pn:{broker.node}") == [b"c"]
    broker.presence("c", "ann", Move.LEAVE)
    rig.settle(broker)
    assert fields(redis) == [] and redis.ask("EXISTS", f"wsserver:pn:{broker.node}") == 0


def test_thousands_of_users_are_written_and_read(rig, redis):
    one, _ = rig.broker(redis.url())
    two, node_two = rig.broker(redis.url())
    for number in range(2000):
        one.presence("c", f"user {number} | é", Move.ENTER)
    rig.settle(one)
    rig.open(two, "c")
    assert len(node_two.users_in()) == 2000 and "user 7 | é" in node_two.users_in()


def test_what_moved_while_the_link_was_down_is_written_when_it_is_back(rig, redis):
    broker, _ = rig.broker(redis.url())
    broker.presence("c", "ann", Move.ENTER)
    rig.settle(broker)
    broker.commands.link.drop("a test")
    broker.presence("c", "ann", Move.LOSE)
    broker.presence("d", "bob", Move.ENTER)
    rig.until(lambda: broker.up)
    rig.settle(broker)
    assert fields(redis) == [] and fields(redis, "d") == ["bob"]


def test_many_channels_are_written_anew_a_few_at_a_time_and_moves_in_between_are_not_lost(rig, redis, monkeypatch):
    monkeypatch.setattr(redis_presence, "CHANNELS_AT_ONCE", 2)
    broker, _ = rig.broker(redis.url())
    for number in range(9):
        broker.presence(f"c{number}", "ann", Move.ENTER)
    rig.settle(broker)
    redis.ask("FLUSHALL")
    broker.commands.link.drop("a test")
    presence = broker._presence
    rig.until(lambda: presence._writing)
    for number in (0, 8):
        broker.presence(f"c{number}", "ann", Move.LEAVE)
        broker.presence(f"c{number}", "bob", Move.ENTER)
    assert not broker.up, "it is up when all is written"
    rig.until(lambda: broker.up)
    rig.settle(broker)
    assert [fields(redis, f"c{number}") for number in range(9)] == [["bob"], *([["ann"]] * 7), ["bob"]]
    assert redis.ask("SCARD", f"wsserver:pn:{broker.node}") == 9


def test_writing_anew_that_is_cut_off_begins_once_more(rig, redis, monkeypatch):
    monkeypatch.setattr(redis_presence, "CHANNELS_AT_ONCE", 1)
    broker, _ = rig.broker(redis.url())
    for number in range(9):
        broker.presence(f"c{number}", "ann", Move.ENTER)
    rig.settle(broker)
    redis.ask("FLUSHALL")
    for _ in range(3):
        broker.commands.link.drop("a test")
        rig.until(lambda: broker._presence._writing)
    rig.until(lambda: broker.up)
    rig.settle(broker)
    assert [fields(redis, f"c{number}") for number in range(9)] == [["ann"]] * 9


def test_moves_while_only_the_ear_is_deaf_reach_the_others_too(rig, redis):
    one, _ = rig.broker(redis.url())
    two, node_two = rig.broker(redis.url())
    rig.open(two, "c")
    one.ear.link.drop("a test")
    one.presence("c", "ann", Move.ENTER)
    rig.until(lambda: one.up and node_two.users_in() == ["ann"])
    assert fields(redis) == ["ann"]


def test_the_lease_is_renewed_before_it_ends(rig, redis):
    broker, _ = rig.broker(redis.url(), lease_s=60)
    before = float(redis.ask("ZSCORE", "wsserver:nodes", broker.node)) - 10_000
    redis.ask("ZADD", "wsserver:nodes", f"{before:.0f}", broker.node)  # as if it were ten seconds later
    rig.jump(20.1)
    rig.until(lambda: float(redis.ask("ZSCORE", "wsserver:nodes", broker.node)) > before)
