"""Two and three nodes over a real Redis: what one says the others hear, and what happens when Redis fails."""

import pytest

from tests.brokers.redis_rig import FakeNode, kill
from wsserver.brokers import envelope as env
from wsserver.chat.broker import BrokerUnavailable, Count, Move, SayToAll
from wsserver.chat.vocabulary import MessageEvent


def message(seq, text="hello", channel="c"):
    return MessageEvent(channel, seq, "ann", text, 1_700_000_000_000)


@pytest.fixture
def pair(rig, redis):
    """Two nodes that have opened channel c."""
    first, second = rig.broker(redis.url()), rig.broker(redis.url())
    rig.open(first[0], "c")
    rig.open(second[0], "c")
    return first, second


def test_what_a_node_announces_the_others_hear_and_not_itself(rig, pair):
    (one, node_one), (_, node_two) = pair
    one.announce("c", "e", [message(1, "a"), message(2, "b")])
    rig.until(lambda: node_two.texts() == ["a", "b"])
    assert next(heard for heard in node_two.heard if len(heard) == 5) == ("c", "e", 1, "ann", "a")
    assert node_one.texts() == []


def test_a_node_hears_nothing_of_channels_it_has_not_opened_or_closed(rig, redis, pair):
    (one, _), (two, node_two) = pair
    rig.open(two, "d")
    two.close("c")
    rig.until(lambda: redis.ask("PUBSUB", "NUMSUB", "wsserver:c:c")[1] == 1)
    one.announce("c", "e", [message(1, "not heard")])
    one.announce("d", "e", [message(1, "heard", "d")])
    rig.until(lambda: node_two.texts("d") == ["heard"])
    assert node_two.texts("c") == []


def test_all_that_is_said_in_a_channel_in_a_turn_is_one_publish_and_keeps_its_order(rig, redis, pair):
    (one, _), (_, node_two) = pair
    before = redis.ask("INFO", "commandstats").decode().partition("cmdstat_publish:calls=")[2].partition(",")[0]
    for number in range(1, 11):
        one.announce("c", "e", [message(number, str(number))])
        one.relay("c", bytes([number]))
    rig.until(lambda: len(node_two.texts()) == 10)
    after = redis.ask("INFO", "commandstats").decode().partition("cmdstat_publish:calls=")[2].partition(",")[0]
    assert int(after) - int(before or 0) == 1
    said = [heard[4] if len(heard) == 5 else heard[1] for heard in node_two.heard if heard[0] == "c"]
    assert said == [word for number in range(1, 11) for word in (str(number), bytes([number]))]


def test_the_largest_messages_pass_and_many_of_them_are_cut_into_envelopes(rig, pair):
    (one, _), (_, node_two) = pair
    one.announce("c", "e", [message(seq, "€" * 21_000) for seq in range(1, 101)])
    one.relay("c", b"x" * 65536)
    rig.until(lambda: len(node_two.texts()) == 100 and ("c", b"x" * 65536) in node_two.heard)


def test_who_opens_a_channel_learns_who_is_there_and_then_who_moves(rig, redis, pair):
    (one, _), (_, node_two) = pair
    for user in ("ann", "bob"):
        one.presence("c", user, Move.ENTER)
    one.presence("c", "bob", Move.LEAVE)
    rig.until(lambda: node_two.users_in() == ["ann"])
    third, node_three = rig.broker(redis.url())
    rig.open(third, "c")
    assert node_three.rosters == {"c": {one.node: {"ann"}}}
    one.presence("c", "cid", Move.ENTER)
    one.presence("c", "ann", Move.LOSE)
    rig.until(lambda: node_three.users_in() == ["cid"])
    assert node_three.heard[-1] == (one.node, "c", "ann", "LOSE")


def test_a_move_that_overtakes_the_roster_is_told_again_behind_it(rig, redis, pair):
    (one, _), _ = pair
    third, node_three = rig.broker(redis.url())
    third.open("c", lambda _trouble: None)
    rig.until(lambda: third.rosters._opened["c"].reading)
    third.rosters.on_moved(one.node, "c", "zoe", Move.ENTER)  # after the roster was read, before its answer is here
    rig.until(lambda: ("roster", "c") in node_three.heard)
    assert node_three.users_in() == ["zoe"]


def test_ask_gathers_the_answers_of_all_other_nodes(rig, redis, pair):
    (one, _), _ = pair
    rig.broker(redis.url())
    told = []
    one.ask(SayToAll("ann", "hello", 1), told.append)
    one.ask(Count(), told.append)
    rig.until(lambda: len(told) == 2)
    assert sorted(told[0]) == ["node1", "node2"]
    assert told[1] == [{"clients": 3}, {"clients": 3}]


def test_ask_without_other_nodes_answers_at_once(rig, redis):
    broker, _ = rig.broker(redis.url())
    told = []
    broker.ask(Count(), told.append)
    rig.settle(broker)
    assert told == [[]]


def test_two_chats_with_prefixes_of_their_own_do_not_hear_each_other(rig, redis):
    one, _ = rig.broker(redis.url("?prefix=one"))
    two, node_two = rig.broker(redis.url("?prefix=two"))
    rig.open(two, "c")
    one.presence("c", "ann", Move.ENTER)
    one.announce("c", "e", [message(1)])
    told = []
    one.ask(Count(), told.append)
    rig.until(lambda: told)
    rig.settle(two)
    assert told == [[]]
    assert node_two.texts() == [] and node_two.users_in() == []


def test_garbage_on_our_channels_is_dropped_and_counted(rig, redis, pair):
    _, (two, node_two) = pair
    other = env.encode(env.Messages("d", "e", 1, [("ann", "for another channel", 1)]))
    [misplaced] = env.seal("somebody", [other], 1 << 20)
    for garbage in (b"", b"\x80\x04", b"\x93\x02\xa1x\x90", b"x" * (two._limit + 1), misplaced):
        assert redis.ask("PUBLISH", "wsserver:c:c", garbage) == 2
    rig.until(lambda: two.dropped == 5)
    assert two.up and node_two.texts() == []


def test_a_connection_that_is_cut_is_an_interruption_and_comes_back_with_all_subscriptions(rig, redis, pair):
    (one, node_one), (two, node_two) = pair
    one.presence("c", "ann", Move.ENTER)
    rig.until(lambda: node_two.users_in() == ["ann"])
    redis.cut_all()
    rig.until(lambda: "interrupted" in node_one.heard and "interrupted" in node_two.heard)
    rig.until(lambda: one.up and two.up)
    said = [word for word in node_two.heard if isinstance(word, str)]
    assert said == ["restored", "interrupted", "restored"]
    rig.until(lambda: node_two.heard[-1] == ("roster", "c") and node_two.users_in() == ["ann"])
    one.announce("c", "e", [message(7, "again")])
    rig.until(lambda: node_two.texts() == ["again"])


def test_what_could_not_be_announced_is_hinted_at_by_the_newest_message_when_the_link_is_back(rig, redis, pair):
    (one, _), (_, node_two) = pair
    one.commands.link.drop("a test")
    for seq in (1, 2, 3):
        one.announce("c", "e", [message(seq, str(seq))])
    rig.until(lambda: one.up and node_two.texts())
    assert node_two.texts() == ["3"]


def test_a_redis_that_is_killed_and_comes_back_empty_is_told_everything_anew(rig, own_redis):
    one, node_one = rig.broker(own_redis.url())
    two, node_two = rig.broker(own_redis.url())
    rig.open(one, "c", "empty")
    rig.open(two, "c")
    one.presence("c", "ann", Move.ENTER)
    two.presence("c", "bob", Move.ENTER)
    rig.until(lambda: node_two.users_in() == ["ann"] and node_one.users_in() == ["bob"])
    own_redis.kill()
    rig.until(lambda: not one.up and not two.up)
    told = []
    one.ask(Count(), told.append)
    two.open("d", told.append)
    assert [type(answer) for answer in told] == [BrokerUnavailable] * 2
    two.presence("c", "bob", Move.LOSE)  # nobody can be told now
    two.presence("c", "cid", Move.ENTER)
    own_redis.start()
    rig.until(lambda: one.up and two.up)
    rig.until(lambda: node_one.users_in() == ["cid"] and node_two.users_in() == ["ann"])
    rig.until(lambda: "d" in node_two.rosters)
    one.ask(Count(), told.append)
    rig.until(lambda: len(told) == 3)
    assert told[2] == [{"clients": 3}]
    assert one._reporter.said[-1] == two._reporter.said[-1] == "recovered"


def test_a_redis_that_is_stopped_is_noticed_and_its_late_answers_are_for_nobody(rig, own_redis):
    broker, node = rig.broker(own_redis.url())
    rig.open(broker, "c")
    own_redis.pause()
    told = []
    broker.ask(Count(), told.append)
    rig.turn()
    rig.jump(1.1)
    rig.until(lambda: told)
    assert isinstance(told[0], BrokerUnavailable)
    rig.jump(5.1)
    rig.jump(5.1)
    assert not broker.up and "has not answered" in broker.trouble
    assert node.heard[-1] == "interrupted"
    own_redis.resume()
    rig.jump(10)  # past the greeting's limit and the pause, as often as it takes
    rig.until(lambda: broker.up)
    assert node.heard.count("restored") == 2


def test_a_node_that_ends_without_a_word_loses_its_users_when_its_lease_is_over(rig, redis):
    dead, _ = rig.broker(redis.url(), lease_s=0.3)
    one, node_one = rig.broker(redis.url(), lease_s=0.6)
    two, node_two = rig.broker(redis.url())
    rig.open(one, "c")
    rig.open(two, "c")
    dead.presence("c", "ann", Move.ENTER)
    one.presence("c", "bob", Move.ENTER)
    rig.until(lambda: node_one.users_in() == ["ann"] and node_two.users_in() == ["ann", "bob"])
    kill(dead)
    rig.until(lambda: ("gone", dead.node) in node_one.heard and ("gone", dead.node) in node_two.heard)
    assert redis.ask("HKEYS", "wsserver:p:c") == [f"{one.node}|bob".encode()]
    assert redis.ask("EXISTS", f"wsserver:pn:{dead.node}") == 0
    assert node_two.users_in() == ["bob"]


def test_whoever_opens_a_channel_does_not_see_the_users_of_a_node_whose_lease_is_over(rig, redis):
    dead, _ = rig.broker(redis.url(), lease_s=0.05)
    dead.presence("c", "ann", Move.ENTER)
    rig.settle(dead)
    kill(dead)
    two, node_two = rig.broker(redis.url())
    rig.until(lambda: float(redis.ask("ZSCORE", "wsserver:nodes", dead.node)) / 1000 < float(redis.ask("TIME")[0]))
    rig.open(two, "c")
    assert node_two.users_in() == []


def test_a_node_that_was_taken_for_dead_writes_its_users_anew(rig, redis, pair):
    (one, _), (two, node_two) = pair
    one.presence("c", "ann", Move.ENTER)
    rig.until(lambda: node_two.users_in() == ["ann"])
    redis.ask("ZADD", "wsserver:nodes", "1", one.node)  # it was frozen for so long
    two._presence._look_for_ended()
    rig.until(lambda: ("gone", one.node) in node_two.heard)
    rig.until(lambda: node_two.users_in() == ["ann"])
    assert redis.ask("HKEYS", "wsserver:p:c") == [f"{one.node}|ann".encode()]


def test_a_clean_stop_leaves_nothing_behind(rig, redis, pair):
    (one, _), (_, node_two) = pair
    for number in range(250):
        one.presence(f"c{number}", "ann", Move.ENTER)
    one.presence("c", "ann", Move.ENTER)
    rig.until(lambda: node_two.users_in() == ["ann"])
    one.close_all()
    rig.until(lambda: ("gone", one.node) in node_two.heard)
    assert redis.ask("KEYS", "wsserver:p:*") == []
    assert redis.ask("ZSCORE", "wsserver:nodes", one.node) is None


def test_ten_thousand_channels_are_opened_in_few_commands_and_all_are_open(rig, redis):
    broker, node = rig.broker(redis.url())
    rig.open(broker, *[f"c{number}" for number in range(10_000)])
    assert len(node.rosters) == 10_000
    calls = redis.ask("INFO", "commandstats").decode().partition("cmdstat_subscribe:calls=")[2].partition(",")[0]
    assert int(calls) < 100


def test_a_channel_that_is_closed_and_opened_again_at_once_is_open(rig, pair):
    (one, _), (two, node_two) = pair
    two.close("c")
    rig.open(two, "c")
    two.close("c")
    rig.turn()
    rig.open(two, "c")
    one.announce("c", "e", [message(1, "heard")])
    rig.until(lambda: node_two.texts() == ["heard"])


def test_before_redis_is_there_everything_is_refused_at_once_and_comes_later(rig, own_redis):
    own_redis.kill()
    broker, node = rig.broker(own_redis.url(), wait=False)
    told = []
    broker.open("c", told.append)
    assert isinstance(told[0], BrokerUnavailable)
    rig.until(lambda: broker.trouble and "cannot be reached" in broker.trouble)
    own_redis.start()
    rig.until(lambda: ("roster", "c") in node.heard)
    assert isinstance(node, FakeNode) and len(told) == 1


def test_what_cannot_be_said_to_the_others_is_refused_and_costs_no_connection(rig, redis, pair):
    (one, _), (two, node_two) = pair
    told = []
    one.ask(SayToAll("ann", "x" * (one._limit + 1), 1), told.append)
    assert isinstance(told[0], BrokerUnavailable) and len(one.questions) == 0
    node_two.answer = lambda _question: object()
    one.ask(Count(), told.append)
    rig.until(lambda: two.dropped == 1)
    rig.jump(1.1)
    rig.until(lambda: len(told) == 2)
    assert told[1] == [] and one.up and two.up
