"""Publish and subscribe: topics, which have neither members nor history.

Read next: `topics.py`, which finds the subscribers.
"""

from typing import Any

from wsserver.chat.audience import Audience
from wsserver.chat.broker import BrokerUnavailable, SayOnTopic
from wsserver.chat.cluster import Cluster, Counted
from wsserver.chat.errors import ChatError
from wsserver.chat.messaging import acknowledge
from wsserver.chat.names import judge_name, judge_pattern
from wsserver.chat.session import Session
from wsserver.chat.topics import Topics
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import Publish, Subscribe, Subscribed, TopicEvent, Unsubscribe, Unsubscribed
from wsserver.clients.router import Surroundings


class PubSub:
    """Carries out `subscribe`, `unsubscribe` and `publish`."""

    def __init__(
        self, surroundings: Surroundings, topics: Topics, users: Users, limit: int, cluster: Cluster | None = None
    ) -> None:
        """At most `limit` patterns a client. `cluster`: the other nodes, where there are any."""
        self._cluster = cluster
        self._surroundings = surroundings
        self._topics = topics
        self._users = users
        self._limit = limit

    def subscribe(self, session: Session, command: Subscribe) -> None:
        """Note what the client wants; asking twice is no error."""
        judge_pattern(command.topic)
        patterns = session.patterns
        if patterns is not None and len(patterns) >= self._limit and command.topic not in patterns:
            raise ChatError("too_many_channels", f"You have {len(patterns)} subscriptions; take one back first.")
        self._topics.subscribe(session, command.topic)
        session.send(Subscribed(command.topic, id=command.id))

    def unsubscribe(self, session: Session, command: Unsubscribe) -> None:
        """Take it back; taking back what was never asked for is no error."""
        judge_pattern(command.topic)
        self._topics.unsubscribe(session, command.topic)
        session.send(Unsubscribed(command.topic, id=command.id))

    def publish(self, session: Session, command: Publish) -> None:
        """Hand data to the subscribers. Nobody needs to be one, or a member of anything, to publish."""

        def done(delivered: int, _trouble: BrokerUnavailable | None) -> None:
            acknowledge(session, command.id, delivered)

        self.say_on_topic(self._users.identify(session), command.topic, command.data, done)

    def say_on_topic(self, sender: str, topic: str, data: Any, done: Counted) -> None:
        """Hand data to the subscribers everywhere; `done` hears how many, now or when the other nodes have answered.

        Raises ChatError `bad_message` for a bad topic or too deep data.
        """
        judge_name(topic, "topic")
        ts = self._surroundings.wall_ms()
        here = self.reach(sender, topic, data, ts)
        if self._cluster is None:
            done(here, None)
        else:
            self._cluster.count(SayOnTopic(sender, topic, data, ts), here, done)

    def reach(self, sender: str, topic: str, data: Any, ts: int) -> int:
        """Return how many clients of this node were reached; raise ChatError `bad_message` for too deep data."""
        event = TopicEvent(topic, data, sender, ts)
        return Audience(self._topics.subscribers(topic)).deliver((event,), self._surroundings)
