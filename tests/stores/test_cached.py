"""The copy in Redis and the log in PostgreSQL, both real: whatever the copy is, what is told is in the database."""

import random

import pytest

from tests.brokers.redis_rig import Rig
from tests.engines.redis import Redis
from tests.stores.cached_rig import Node, Script, questions_of
from wsserver.brokers.redis_recent import ANSWER_S, ROWS
from wsserver.chat.log import Head, Publication, Stored, StoreUnavailable
from wsserver.chat.remote_log import Glance
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.cached import ENOUGH_CHARS, CachedLog


@pytest.fixture(scope="module")
def shared_redis():
    with Redis() as server:
        yield server


@pytest.fixture
def redis(shared_redis):
    shared_redis.ask("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis():
    """One that the test may stop and start."""
    with Redis() as server:
        yield server


@pytest.fixture
def make(database):
    """Make nodes over one database, all in one reactor, whose clock can be told to jump."""
    rig, nodes = Rig(), []

    def make_one(redis, **options):
        nodes.append(Node(rig, redis.url(), database.url, **options))
        return nodes[-1]

    yield make_one
    for one in nodes:
        one.close()
    rig.close()


@pytest.fixture
def node(make, redis):
    return make(redis)


@pytest.fixture
def other(make, redis, node):
    return make(redis)


def test_what_one_node_appends_another_opens_with_one_question_for_the_head(node, other):
    node.post(60)
    asked = questions_of(other)
    glance = other.ask(other.log.glance, "c", 50)
    assert [one.seq for one in glance.messages] == list(range(11, 61))
    assert asked == [(50, 60)]


def test_a_channel_that_nobody_copied_is_read_and_copied_then(node, other, redis):
    node.post(60)
    redis.ask("FLUSHALL")
    assert other.glance()[1] is False
    node.rig.settle(other.broker)
    assert node.glance()[1] is True


def test_a_short_channel_is_whole_and_an_empty_one_is_empty(node, other):
    assert other.glance() == ([], False)
    node.post(3)
    messages, hit = other.glance()
    assert hit and len(messages) == 3
    assert len(other.glance(limit=2)[0]) == 2 and other.glance(limit=0) == ([], False)


def test_a_copy_that_is_behind_is_completed_from_the_database(node, other):
    node.post(60)
    node.broker.up = False  # the node stores, and dies before it has said so
    node.post(5, text="late")
    messages, hit = other.glance()
    assert hit and [one.seq for one in messages] == list(range(16, 66))
    node.post(70, text="later")
    messages, hit = other.glance()
    assert hit and messages[-1].seq == 135, "so much is new that the copy was not needed"


def test_an_older_copy_that_came_back_tells_nobody_an_old_head(node, other, redis):
    node.post(60)
    messages, size = node.keys()
    backup = [(key, redis.ask("DUMP", key)) for key in (messages, size)]
    node.post(30)
    for key, dump in backup:
        redis.ask("RESTORE", key, 0, dump, "REPLACE")
    assert other.glance()[0][-1].seq == 90
    node.post(1)
    assert other.glance()[0][-1].seq == 91


def test_a_copy_with_a_hole_is_repaired_by_whoever_reads_it(node, other, redis):
    node.post(80)
    redis.ask("ZREMRANGEBYSCORE", node.keys()[0], 60, 62)
    assert other.glance()[1] is False
    node.rig.settle(other.broker)
    assert other.glance()[1] is True


def test_a_copy_that_says_something_else_than_the_database_is_thrown_away(node, other, redis):
    node.post(60)
    redis.ask("FLUSHALL")
    node.recent.remember("c", node.plain.epoch, [MessageEvent("c", n, "eve", "never said", 1) for n in range(1, 61)])
    node.rig.settle(node.broker)
    assert other.glance()[1] is False
    node.rig.settle(other.broker)
    messages, hit = other.glance()
    assert hit and {one.user for one in messages} == {"ann"}


def test_a_copy_that_is_ahead_of_the_database_is_thrown_away(node, other):
    node.post(60)
    node.recent.remember("c", node.plain.epoch, [MessageEvent("c", 61, "ann", "rolled back", 1)])
    node.rig.settle(node.broker)
    assert other.glance()[1] is False
    node.rig.settle(other.broker)
    assert other.glance()[1] is True


def test_another_epoch_has_another_copy(node, other, database):
    node.post(60)
    database("UPDATE wsserver.store SET epoch = 'another'")
    messages, hit = other.glance()
    assert (hit, len(messages), other.plain.epoch) == (False, 50, "another")
    assert node.plain.epoch != "another"
    node.post(1)  # its answer tells of which epoch it is
    assert node.plain.epoch == "another"
    messages, hit = other.glance()
    assert hit and messages[-1].seq == 61


def test_what_is_too_old_by_now_is_not_told_though_the_copy_has_it(node, other, database):
    node.post(60)
    database("DELETE FROM wsserver.entry WHERE seq <= 50")
    database("UPDATE wsserver.kept SET oldest = 51")
    messages, hit = other.glance()
    assert hit and [one.seq for one in messages] == list(range(51, 61))
    database("DELETE FROM wsserver.entry")
    database("UPDATE wsserver.kept SET oldest = 61")
    assert other.glance() == ([], True)


def test_a_channel_that_keeps_few_messages_tells_few(make, redis):
    node = make(redis, history=7)
    node.post(60)
    messages, hit = node.glance()
    assert hit and [one.seq for one in messages] == list(range(54, 61))


def test_a_key_that_was_known_is_not_copied_again(node, other):
    assert node.post(1, key="k") == [1]
    assert node.post(1, key="k") == [1]
    messages, hit = other.glance()
    assert hit and len(messages) == 1


def test_long_messages_are_enough_though_they_are_few(node, other):
    node.post(40, text="x" * 6000)
    messages, hit = other.glance()
    assert hit and len(other.ask(other.recent.recall, "c", other.plain.epoch, ROWS)) < 40
    assert sum(len(one.text) for one in messages) >= ENOUGH_CHARS


def test_without_redis_the_database_answers_alone(make, own_redis):
    node = make(own_redis)
    node.post(60)
    assert node.glance()[1] is True
    own_redis.kill()
    [stored] = node.ask(node.log.append, [Publication("c", "ann", "more", 1)])
    assert stored.message.seq == 61
    assert node.glance()[1] is False


def test_a_redis_that_hangs_holds_a_join_up_for_a_tenth_of_a_second_once(make, own_redis):
    node = make(own_redis)
    node.post(60)
    own_redis.pause()
    told = []
    node.log.glance("c", 50, told.append)
    node.rig.turn()
    assert told == []
    node.rig.jump(ANSWER_S)
    node.rig.until(lambda: told)
    asked = questions_of(node)
    node.log.glance("c", 50, told.append)
    assert asked == [(50, 0)], "the database was asked at once"
    node.rig.until(lambda: len(told) == 2)
    assert told[0] == told[1] and told[0].head.seq == 60
    own_redis.resume()


def test_a_redis_that_comes_back_empty_is_filled_again(make, own_redis):
    node = make(own_redis)
    node.rig.world.hurry = True
    node.post(60)
    own_redis.kill()
    node.rig.until(lambda: not node.broker.up)
    own_redis.start()
    node.rig.until(lambda: node.broker.up)
    assert node.glance()[1] is False
    node.rig.settle(node.broker)
    assert node.glance()[1] is True


def test_a_database_that_fails_is_said_to_whoever_asks(node, postgres):
    node.post(60)
    told = []
    node.log.glance("c", 50, told.append)
    node.plain._reader.give_up("it is gone")
    node.log.glance("c", 50, told.append)
    node.rig.until(lambda: len(told) == 2)
    assert all(isinstance(one, StoreUnavailable) for one in told)
    assert node.log.trouble == node.plain.trouble == "it is gone" and not node.log.announces


def test_whoever_closes_is_not_called_any_more(node):
    node.post(60)
    told = []
    node.log.glance("c", 50, told.append)
    node.log.close()
    node.rig.settle(node.broker)
    assert told == []


@pytest.mark.parametrize("seed", range(3))
def test_whatever_befalls_the_copy_what_is_told_is_what_the_database_has(node, other, redis, database, seed):
    """Some two hundred steps: two nodes say things, the copy is torn, aged, emptied, and both look all the time."""
    dice = random.Random(seed)
    backups = []
    for _ in range(200):
        who = dice.choice((node, other))
        rows, size = who.keys()
        deed = dice.random()
        if deed < 0.5:
            who.post(dice.choice((1, 2, 30)), text=dice.choice(("short", "x" * 3000)))
        elif deed < 0.55:
            redis.ask("ZPOPMAX", rows, dice.randrange(1, 20))
        elif deed < 0.6:
            redis.ask("ZREMRANGEBYRANK", rows, dice.randrange(50), dice.randrange(50, 90))
        elif deed < 0.63:
            redis.ask("DEL", dice.choice((rows, size)))
        elif deed < 0.68:
            backups = [(key, redis.ask("DUMP", key)) for key in (rows, size)]
        elif deed < 0.72:
            for key, dump in backups:
                if dump is not None:
                    redis.ask("RESTORE", key, 0, dump, "REPLACE")
        elif deed < 0.74:
            database("UPDATE wsserver.store SET epoch = $1", f"epoch{dice.random()}")
        else:
            who.glance(dice.choice((1, 10, 50, 300)) if dice.random() < 0.5 else 50)
    for who in (node, other):
        asked = who.log.counts
        assert asked["hit"] > 10 and asked["miss"] > 0
        assert redis.ask("ZCARD", who.keys()[0]) <= ROWS


def said(*seqs, channel="c"):
    return [MessageEvent(channel, seq, "ann", "text", 5) for seq in seqs]


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (Glance(Head("e", 60, 1), said(60)), []),
        (Glance(Head("e", 60, 60), said(60)), []),
        (Glance(Head("e", 60, 61), []), []),
        (Glance(Head("e", 60, 1), []), ["forgotten", "whole"]),
        (Glance(Head("e", 59, 1), []), ["forgotten", "whole"]),
        (Glance(Head("e", 60, 1), [MessageEvent("c", 60, "eve", "text", 5)]), ["forgotten", "whole"]),
        (Glance(Head("other", 60, 1), said(60)), ["whole"]),
        (Glance(Head("other", 0, 1), []), ["whole"]),
        (StoreUnavailable("down"), []),
    ],
)
def test_only_what_the_database_confirms_is_used(answer, heard):
    script = Script(said(*range(1, 61)), answer)
    CachedLog(script, script).glance("c", 50, lambda _glance: None)
    assert script.heard == [("since", 60), *heard]


@pytest.mark.parametrize("known", [[], said(10), said(*range(12, 61))])
def test_too_few_are_not_used(known):
    script = Script(known)
    CachedLog(script, script).glance("c", 50, lambda _glance: None)
    assert script.heard == ["whole"]


def test_only_what_is_new_is_copied_by_channel_and_nothing_of_an_unknown_epoch():
    outcome = [
        Stored(message, duplicate)
        for message, duplicate in zip(
            [*said(4, 5), *said(9, channel="d"), *said(6)], (False, True, False, False), strict=True
        )
    ]
    script, told = Script(answer=outcome), []
    log = CachedLog(script, script)
    log.append([], told.append)
    assert script.heard == [("c", "e", [4, 6]), ("d", "e", [9])] and told == [outcome]
    script.epoch = ""
    log.append([], told.append)
    script.epoch, script.answer = "e", StoreUnavailable("down")
    log.append([], told.append)
    assert len(script.heard) == 2 and told[2] is script.answer
