"""The log in PostgreSQL, on the real thing: what every log promises, and what many nodes promise together."""

import threading
from random import Random

import pytest

from tests.stores.test_base import HARMFUL
from wsserver.chat.log import Publication, StoreUnavailable
from wsserver.chat.vocabulary import MessageEvent
from wsserver.stores.memory import MemoryStore


def seqs(messages):
    return [message.seq for message in messages]


def test_a_channel_that_was_never_heard_of_has_the_epoch_of_all(node):
    glance = node().glance("new")
    assert (glance.head.seq, glance.head.oldest, glance.messages) == (0, 1, [])
    assert glance.head.epoch
    assert ":" not in glance.head.epoch
    assert node().glance("other").head.epoch == glance.head.epoch


def test_every_channel_counts_from_one_without_a_gap(node):
    one = node()
    assert one.post(2) + one.post(1, "other") + one.post(2) == [1, 2, 1, 3, 4]


def test_channels_in_one_batch_count_each_for_itself(node):
    one = node()
    stored = one.append(*[Publication(channel, "ann", "text", 5) for channel in "bacaba"])
    assert [result.message.seq for result in stored] == [1, 1, 1, 2, 2, 3]
    assert [seqs(one.read(channel)) for channel in "abc"] == [[1, 2, 3], [1, 2], [1]]


def test_an_empty_batch_is_no_mistake(node):
    assert node().append() == []


@pytest.mark.parametrize("text", [*HARMFUL, "\0", "a\0b\x1ac\x1fd", "\x1a0000", "\ud800 half", '{"a",NULL}', "\\x41"])
def test_what_goes_in_comes_out(node, text):
    one = node()
    name = text[:200]
    (stored,) = one.append(Publication(name, name, text, 1234, name[:100]))
    assert stored.message == MessageEvent(name, 1, name, text, 1234)
    assert one.glance(name).messages == one.read(name) == [stored.message]
    (again,) = one.append(Publication(name, name, "else", 5, name[:100]))
    assert again.duplicate


def test_a_text_that_another_cannot_hold_spoils_nothing_for_the_rest_of_its_batch(node):
    one = node()
    texts = ["plain", "\0", "\x1f\x1f", "'; DROP SCHEMA wsserver CASCADE; --"]
    one.append(*[Publication("c", "ann", text, 5) for text in texts])
    assert [message.text for message in one.read()] == texts


def test_a_key_is_stored_once_and_answered_with_the_first_message(node):
    one, other = node(), node()
    (first,) = one.append(Publication("c", "ann", "one", 1, "k"))
    (second,) = other.append(Publication("c", "ann", "two", 2, "k"))
    assert (first.duplicate, second.duplicate) == (False, True)
    assert (second.message.seq, second.message.ts) == (1, 1)
    assert other.glance().head.seq == 1


def test_a_key_twice_in_one_batch_is_stored_once(node):
    one = node()
    batch = [Publication("c", "ann", text, ts, key) for text, ts, key in (("a", 1, "k"), ("b", 2, None), ("c", 3, "k"))]
    stored = one.append(*batch)
    assert [(result.message.seq, result.message.ts, result.duplicate) for result in stored] == [
        (1, 1, False), (2, 2, False), (1, 1, True)
    ]  # fmt: skip
    assert [message.text for message in one.read()] == ["a", "b"]


def test_a_key_holds_for_five_minutes_of_the_databases_clock(node, database):
    one = node()
    assert one.post(key="k") == [1]
    database("UPDATE wsserver.publish_key SET at = at - interval '4 minutes 58 seconds'")
    assert one.post(key="k") == [1]
    database("UPDATE wsserver.publish_key SET at = at - interval '3 seconds'")
    assert one.post(key="k") == [2]
    assert one.post(key="k") == [2]


def test_whatever_happens_it_says_the_same_as_the_store_in_memory(node):
    luck = Random(7)
    one, model = node(), MemoryStore(luck.randbytes, lambda: 0.0)
    for _ in range(60):
        batch = [
            Publication(
                luck.choice("abc"), luck.choice("uv"), str(luck.random()), luck.randrange(99), luck.choice(keys)
            )
            for keys in [[None], [None, "k", "l", "m"]]
            for _ in range(luck.randrange(20))
        ]
        if luck.random() < 0.3:
            batch = batch[:3] + [Publication("c", "u", "again", 5, luck.choice("klmnop"))] * 3
        assert one.append(*batch) == model.append(batch, lambda _outcome: None)
    for name in "abc":
        assert one.read(name) == model.after(name, 0, 300)


def test_a_glance_and_a_page_have_what_was_asked_for(node):
    one = node()
    one.post(10)
    assert seqs(one.glance(limit=3).messages) == [8, 9, 10]
    assert one.glance(limit=0).messages == []
    assert one.glance(limit=0).head.seq == 10
    assert seqs(one.read(first=3, last=5)) == [3, 4, 5]
    assert one.read(first=5, last=3) == one.read(first=11, last=10**20) == one.read("none") == []


def test_no_more_is_shown_than_a_channel_keeps(node):
    one = node(history=3)
    one.post(10)
    glance = one.glance()
    assert (glance.head.oldest, seqs(glance.messages)) == (8, [8, 9, 10])


def test_a_large_batch_is_kept_whole(node):
    one = node()
    assert one.post(5000) == list(range(1, 5001))
    assert seqs(one.read(first=4701, last=5000)) == list(range(4701, 5001))


def test_what_was_stored_outlives_the_node_with_its_epoch(node):
    one = node()
    epoch = one.glance().head.epoch
    one.post(3)
    other = node()
    assert (other.glance().head.epoch, other.post()) == (epoch, [4])


def test_nodes_that_write_to_the_same_channels_make_one_order_without_gap_or_repeat(node):
    nodes = [node() for _ in range(4)]
    said = {index: {} for index in range(4)}

    def talk(index):
        luck = Random(index)
        for turn in range(40):
            batch = [
                Publication(luck.choice("abcdef") + str(turn // 10), f"u{index}", f"{index}.{turn}.{number}", 5)
                for number in range(luck.randrange(1, 12))
            ]
            for result in nodes[index].append(*batch):
                said[index][result.message.text] = result.message

    threads = [threading.Thread(target=talk, args=[index]) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acked = {text: message for one in said.values() for text, message in one.items()}
    channels = {message.channel for message in acked.values()}
    kept = [message for channel in channels for message in nodes[0].read(channel, 1, 1000)]
    for channel in channels:
        assert seqs(one for one in kept if one.channel == channel) == list(
            range(1, nodes[1].glance(channel).head.seq + 1)
        )
    assert {message.text: message for message in kept} == acked
    for index in range(4):  # what one node says stays in its order
        for channel in channels:
            own = [message.text for message in kept if message.channel == channel and message.user == f"u{index}"]
            assert own == sorted(own, key=lambda text: [int(part) for part in text.split(".")])


def test_nodes_that_use_the_same_keys_store_each_once(node):
    nodes, stored = [node() for _ in range(3)], []

    def talk(one):
        for turn in range(30):
            stored.extend(one.append(*[Publication("c", "ann", "text", 5, f"{turn}.{part}") for part in range(4)]))

    threads = [threading.Thread(target=talk, args=[one]) for one in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.message.seq for result in stored if not result.duplicate) == list(range(1, 121))
    assert sum(result.duplicate for result in stored) == 240
    assert nodes[0].glance().head.seq == 120


def test_reading_does_not_wait_for_a_batch_that_waits(node, database):
    one = node()
    one.post(2)
    with database.holding("SELECT FROM wsserver.channel FOR UPDATE"):
        outcome = one.begin_append(Publication("c", "ann", "text", 5))
        assert seqs(one.glance().messages) == [1, 2]
        assert outcome == []
    assert one.wait(outcome)[0].message.seq == 3


def test_a_batch_that_others_keep_waiting_is_refused_and_the_link_stays(node, database):
    one = node()
    one.post()
    database("ALTER FUNCTION wsserver.append SET lock_timeout = '50ms'")
    with database.holding("SELECT FROM wsserver.channel FOR UPDATE"):
        outcome = one.append(Publication("c", "ann", "text", 5))
        assert isinstance(outcome, StoreUnavailable)
    assert one.log.trouble is None
    assert one.post() == [2]


def test_durability_decides_whether_standbys_are_waited_for_and_tables_are_never_gone_through(node, database):
    database("ALTER TABLE wsserver.writer ADD durability text DEFAULT current_setting('synchronous_commit')")
    database("ALTER TABLE wsserver.writer ADD patience text DEFAULT current_setting('statement_timeout')")
    database("ALTER TABLE wsserver.writer ADD seqscan text DEFAULT current_setting('enable_seqscan')")
    for power in (False, True):
        node(power=power).ready()
    found = database("SELECT durability, patience, seqscan FROM wsserver.writer ORDER BY at")
    assert found == [("local", "4500ms", "off"), ("on", "4500ms", "off")]


def test_a_mistake_of_who_asked_is_reported_and_not_the_links(node):
    one = node()

    def fail(_answer):
        raise AssertionError("a mistake of the chat's")

    one.log.glance("c", 5, fail)
    one.turn_until(lambda: one.errors)
    assert [str(error) for error in one.errors] == ["a mistake of the chat's"]
    one.errors.clear()
    assert one.post() == [1]
    assert one.log._reader.attempts == 1


def test_after_close_nobody_is_called(node):
    one = node().ready()
    outcome = one.begin_append(Publication("c", "ann", "text", 5))
    one.log.close()
    one.jump(60)
    assert outcome == []
