"""Who is in a channel, counted over all nodes: each user once, wherever its clients are."""

from tests.chat.cluster_rig import MOVE_S, Sea
from tests.chat.fakes import Client
from wsserver.chat.broker import Move
from wsserver.chat.copies import LINGER_S


def who(client: Client) -> tuple[list[str], int]:
    client.say("presence", channel="lobby")
    client.world.end_turn()
    answer = client.hear_type("presence")[-1]
    return sorted(answer["users"]), answer["count"]


def changes(client: Client) -> list[tuple[list[str], list[str], int]]:
    return [(e["joined"], e["left"], e["count"]) for e in client.hear_type("presence") if "joined" in e]


def test_who_joins_is_told_of_users_on_other_nodes_and_they_of_him() -> None:
    sea = Sea(3)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    cat = sea.nodes[2].connect()
    cat.say("join", channel="lobby", user="cat")
    sea.settle()
    joined = cat.hear_type("joined")[0]
    assert (sorted(joined["users"]), joined["count"]) == (["ann", "bob", "cat"], 3)
    sea.advance(1)
    assert who(ann) == who(bob) == (["ann", "bob", "cat"], 3)


def test_arrivals_and_departures_elsewhere_are_announced_here() -> None:
    sea = Sea(2)
    ann = sea.nodes[0].connect("ann")
    bob = sea.nodes[1].connect("bob")
    sea.advance(1)
    assert changes(ann) == [(["bob"], [], 2)]
    bob.say("leave", channel="lobby")
    sea.advance(1)
    assert changes(ann) == [([], ["bob"], 1)]


def test_a_user_on_two_nodes_counts_once_and_leaves_with_the_last_client() -> None:
    sea = Sea(2)
    ann = sea.nodes[0].connect("ann")
    one, two, three = (sea.nodes[number].connect("bob") for number in (0, 1, 1))
    sea.advance(1)
    assert changes(ann) == [(["bob"], [], 2)]
    assert who(ann) == who(two) == (["ann", "bob"], 2)
    one.gone(1000)
    two.gone(1000)
    sea.advance(1)
    assert changes(ann) == []
    three.gone(1000)
    sea.advance(1)
    assert changes(ann) == [([], ["bob"], 1)]


def test_who_is_lost_has_the_same_grace_on_every_node() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.advance(1)
    ann.hear()
    bob.gone(1006)
    sea.advance(4.5)
    assert who(ann) == (["ann", "bob"], 2)
    sea.advance(1.5)
    assert changes(ann) == [([], ["bob"], 1)]


def test_who_is_lost_here_and_comes_back_there_has_not_been_away() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.advance(1)
    ann.hear()
    bob.gone(1006)
    sea.advance(1)
    again = sea.nodes[0].connect("bob")
    sea.advance(10)
    assert changes(ann) == []
    assert who(again) == (["ann", "bob"], 2)


def test_the_users_of_a_node_that_ended_without_a_word_are_lost() -> None:
    sea = Sea(3)
    ann = sea.nodes[0].connect("ann")
    for number in range(250):
        sea.nodes[1].connect().say("join", channel="lobby", user=f"u{number}")
    sea.nodes[2].connect("cat")
    sea.advance(10)
    assert who(ann)[1] == 252
    sea.brokers[0].known.on_node_gone("node1")
    sea.world.serve()
    assert who(ann)[1] == 252
    sea.advance(6)
    assert who(ann) == (["ann", "cat"], 2)
    sea.brokers[0].known.on_node_gone("node1")
    sea.brokers[0].known.on_node_gone("never seen")
    sea.advance(6)
    assert who(ann) == (["ann", "cat"], 2)


def test_after_a_cut_each_node_knows_again_who_is_there() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    sea.brokers[1].interrupt()
    bob.say("leave", channel="lobby")
    cat = sea.nodes[1].connect("cat")
    dan = sea.nodes[0].connect("dan")
    sea.advance(1)
    assert who(ann) == (["ann", "bob", "dan"], 3)
    sea.brokers[1].restore()
    sea.advance(10)
    assert who(ann) == who(cat) == who(dan) == (["ann", "cat", "dan"], 3)


def test_who_changed_nodes_during_a_cut_was_never_away() -> None:
    sea = Sea(3)
    ann = sea.nodes[0].connect("ann")
    bob = sea.nodes[1].connect("bob")
    sea.advance(1)
    ann.hear()
    sea.brokers[0].interrupt()
    bob.gone(1000)
    sea.nodes[2].connect("bob")
    sea.brokers[0].restore()
    sea.advance(10)
    assert changes(ann) == []
    assert who(ann) == (["ann", "bob"], 2)


def test_a_move_that_is_told_twice_counts_once() -> None:
    sea = Sea(1)
    ann = sea.nodes[0].connect("ann")
    node = sea.brokers[0].known
    for _ in range(2):
        node.on_presence("other", "lobby", "bob", Move.ENTER)
    assert who(ann) == (["ann", "bob"], 2)
    for _ in range(2):
        node.on_presence("other", "lobby", "bob", Move.LEAVE)
    assert who(ann) == (["ann"], 1)
    node.on_presence("other", "lobby", "never there", Move.LOSE)
    sea.advance(10)
    assert who(ann) == (["ann"], 1)


def test_a_channel_that_nobody_here_is_in_takes_no_notice() -> None:
    sea = Sea(1)
    node = sea.brokers[0].known
    node.on_presence("other", "lobby", "bob", Move.ENTER)
    node.on_roster("lobby", {"other": ["bob"]})
    assert sea.nodes[0].router.cluster is not None
    assert len(sea.nodes[0].router.cluster.neighbours) == 0


def test_a_channel_that_is_let_go_holds_nobody_of_other_nodes() -> None:
    sea = Sea(2)
    ann, bob = sea.nodes[0].connect("ann"), sea.nodes[1].connect("bob")
    ann.say("leave", channel="lobby")
    sea.advance(LINGER_S + 1)
    assert sea.nodes[0].router.cluster is not None
    assert len(sea.nodes[0].router.cluster.neighbours) == 0
    channel = sea.nodes[0].router.channels.find("lobby")
    assert channel is not None
    assert channel.roster.count == 0
    ann.say("join", channel="lobby")
    sea.settle()
    assert who(ann) == who(bob) == (["ann", "bob"], 2)


def test_only_the_first_client_of_a_user_that_comes_and_the_last_that_goes_are_told_to_the_others() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    told: list[tuple[str, str, Move]] = []
    node.broker.presence = lambda channel, user, move: told.append((channel, user, move))  # type: ignore[method-assign]
    clients = [node.connect("ann") for _ in range(3)]
    clients[0].join()
    for client in clients:
        client.gone(1001)
    assert told == [("lobby", "ann", Move.ENTER), ("lobby", "ann", Move.LOSE)]
    again = node.connect("ann")
    again.say("leave", channel="lobby")
    assert [move for _, _, move in told[2:]] == [Move.ENTER, Move.LEAVE]
    assert MOVE_S < 1


def test_every_channel_is_counted_by_one_node() -> None:
    sea = Sea(3)
    for number, names in enumerate((("a", "b"), ("b", "c"), ("c", "a", "d"))):
        for name in names:
            sea.nodes[number].connect(f"u{number}", name)
    sea.advance(1)
    clusters = [node.router.cluster for node in sea.nodes]
    assert [cluster.neighbours.spoken_for() for cluster in clusters if cluster] == [2, 1, 1]
