"""Subscriptions and what they match."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.fakes import FakePeer
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.session import Session
from wsserver.chat.topics import Topics


def make() -> Session:
    return Session(FakePeer(), JsonCodec())


def test_an_exact_topic_matches_itself_alone() -> None:
    topics, session = Topics(), make()
    topics.subscribe(session, "news")
    assert list(topics.subscribers("news")) == [session]
    for other in ("new", "news.", "News", "other"):
        assert not list(topics.subscribers(other))


def test_a_prefix_matches_everything_that_starts_so_itself_included() -> None:
    topics, session = Topics(), make()
    topics.subscribe(session, "news.*")
    for topic in ("news.", "news.sport", "news.sport.chess"):
        assert list(topics.subscribers(topic)) == [session]
    assert not list(topics.subscribers("news"))


def test_a_lone_star_matches_everything() -> None:
    topics, session = Topics(), make()
    topics.subscribe(session, "*")
    assert list(topics.subscribers("x")) == [session]


def test_a_topic_that_matches_two_patterns_of_one_client_arrives_once() -> None:
    topics, session, other = Topics(), make(), make()
    for pattern in ("*", "n*", "news*", "news.*", "news.sport"):
        topics.subscribe(session, pattern)
    topics.subscribe(other, "news.*")
    assert list(topics.subscribers("news.sport")) == [session, other]


def test_an_unsubscribe_takes_back_one_pattern_and_leaves_the_others() -> None:
    topics, session = Topics(), make()
    topics.subscribe(session, "news.*")
    topics.subscribe(session, "news.sport")
    topics.unsubscribe(session, "news.*")
    assert not list(topics.subscribers("news.other"))
    assert list(topics.subscribers("news.sport")) == [session]


def test_subscribing_twice_is_subscribing_once() -> None:
    topics, session = Topics(), make()
    topics.subscribe(session, "news")
    topics.subscribe(session, "news")
    assert len(topics) == 1
    topics.unsubscribe(session, "news")
    assert not list(topics.subscribers("news"))


def test_taking_back_what_was_never_asked_for_does_nothing() -> None:
    topics, session, other = Topics(), make(), make()
    topics.subscribe(other, "news")
    topics.unsubscribe(session, "news")
    topics.forget(session)
    assert list(topics.subscribers("news")) == [other]


def test_nothing_is_left_of_a_session_that_is_forgotten() -> None:
    topics, session = Topics(), make()
    for pattern in ("a", "b", "c.*", "d.*", "*"):
        topics.subscribe(session, pattern)
    topics.forget(session)
    assert len(topics) == 0
    assert topics._prefixes == {}
    assert session.patterns is None


def test_a_publish_looks_at_lengths_and_not_at_subscriptions() -> None:
    topics = Topics()
    for number in range(1000):
        topics.subscribe(make(), f"sensor.{number:04}.*")
    assert len(topics._prefixes) == 1
    assert len(list(topics.subscribers("sensor.0007.heat"))) == 1


names = st.text("ab", min_size=1, max_size=4)


@settings(deadline=None, derandomize=True)
@given(st.sets(names | names.map(lambda name: name + "*") | st.just("*")), names)
def test_matching_is_what_comparing_with_every_pattern_would_be(patterns: set[str], topic: str) -> None:
    topics = Topics()
    sessions = {pattern: make() for pattern in patterns}
    for pattern, session in sessions.items():
        topics.subscribe(session, pattern)
    expected = {
        sessions[pattern]
        for pattern in patterns
        if (topic.startswith(pattern[:-1]) if pattern.endswith("*") else topic == pattern)
    }
    assert set(topics.subscribers(topic)) == expected
