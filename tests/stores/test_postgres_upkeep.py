"""What the database forgets, and when."""

from wsserver.chat.log import Publication
from wsserver.stores.postgres_upkeep import CHANNELS, PORTION, ROUND_S, SWEEP_S


def kept(database, channel="c"):
    rows = database(
        "SELECT e.seq FROM wsserver.entry e JOIN wsserver.channel c ON c.id = e.channel WHERE c.name = $1 ORDER BY 1",
        channel,
    )
    return [int(seq) for (seq,) in rows]


def settle(node):
    """Let everything happen that is due within some seconds."""
    for _ in range(15):
        node.jump(0.3)


def test_a_channel_is_cut_as_it_grows_and_says_where_it_begins(node, database):
    one = node(history=10)
    one.post(25)
    settle(one)
    assert kept(database) == list(range(16, 26))
    assert one.glance().head.oldest == 16
    assert database("SELECT oldest, kept FROM wsserver.channels") == [("16", "10")]
    for _ in range(4):
        one.post()
        settle(one)
        assert len(kept(database)) <= 11


def test_a_long_cut_is_made_in_portions(node, database):
    one = node(history=1)
    one.post(PORTION * 2 + 10)
    one.turn_until(lambda: one.jump(0.05) or len(kept(database)) < PORTION * 2)
    assert len(kept(database)) > PORTION
    settle(one)
    assert kept(database) == [PORTION * 2 + 10]


def test_many_channels_are_cut_in_one_step_and_share_the_portion(node, database):
    one = node(history=2)
    names = [f"c{number}" for number in range(CHANNELS * 2)]
    one.append(*[Publication(name, "ann", "text", 5) for name in names for _ in range(5)])
    one.append(*[Publication("full", "ann", "text", 5) for _ in range(100)])
    settle(one)
    assert database("SELECT count(*), max(kept) FROM wsserver.channels") == [(str(CHANNELS * 2 + 1), "2")]
    assert database("SELECT count(*) FROM wsserver.entry") == [(str(CHANNELS * 4 + 2),)]


def test_channels_that_others_filled_are_cut_by_the_one_whose_turn_it_is(node, database):
    rich, poor = node(history=100), node(history=3)
    for number in range(5):
        rich.post(10, f"c{number}")
    database("UPDATE wsserver.store SET swept = now()")
    poor.ready().jump(ROUND_S)
    settle(poor)
    assert len(kept(database, "c0")) == 10
    database(f"UPDATE wsserver.store SET swept = now() - interval '{SWEEP_S + 1} seconds'")
    poor.jump(ROUND_S)
    settle(poor)
    assert [len(kept(database, f"c{number}")) for number in range(5)] == [3] * 5
    assert database("SELECT swept > now() - interval '1 minute' FROM wsserver.store") == [("t",)]


def test_what_is_too_old_by_the_databases_clock_goes_and_the_rest_stays(node, database):
    one = node(age_s=3600)
    now_ms = int(database("SELECT (extract(epoch FROM now()) * 1000)::bigint")[0][0])
    for age_s in (8000, 7000, 10, 5):
        one.append(Publication("c", "ann", "text", now_ms - age_s * 1000))
    one.append(Publication("young", "ann", "text", now_ms))
    one.append(Publication("old", "ann", "text", 5))
    one.jump(ROUND_S)
    settle(one)
    assert (kept(database), kept(database, "young"), kept(database, "old")) == ([3, 4], [1], [])
    assert one.glance("old").head.oldest == 2
    assert one.post(channel="old") == [2]


def test_keys_go_when_their_time_is_over(node, database):
    one = node()
    one.append(*[Publication("c", "ann", "text", 5, str(key)) for key in range(PORTION + 10)])
    database("UPDATE wsserver.publish_key SET at = at - interval '5 minutes' WHERE key <> '7'")
    one.jump(ROUND_S)
    settle(one)
    assert database("SELECT key FROM wsserver.publish_key") == [("7",)]


def test_two_nodes_cut_one_channel_without_harm(node, database):
    nodes = [node(history=50) for _ in range(2)]
    for _ in range(10):
        for one in nodes:
            one.post(40)
        for one in nodes:
            one.jump(0.1)
    for one in nodes:
        settle(one)
    left = kept(database)
    assert left == list(range(left[0], 801))
    assert 50 <= len(left) <= 56
    assert nodes[0].glance(limit=100).head.oldest == 751


def test_a_channel_that_somebody_else_is_cutting_is_left_alone(node, database):
    one = node(history=10)
    one.post()
    with database.holding("SELECT FROM wsserver.kept FOR UPDATE"):
        one.post(29)
        settle(one)
        assert len(kept(database)) == 30
        assert one.post() == [31]
    one.post(2)
    settle(one)
    assert kept(database) == list(range(24, 34))


def test_a_link_that_is_down_is_no_trouble_for_the_upkeep(node, database):
    one = node(history=10)
    one.post(30)
    one.log._reader.give_up("a test says so")
    one.reconnect()
    settle(one)
    assert kept(database) == list(range(21, 31))
