"""A node whose log is in PostgreSQL with a copy in Redis, both real; and what stands in for both.

Read next: `test_cached.py`.
"""

from tests.stores.rig import FakeReporter
from wsserver.brokers.redis_recent import RedisRecent
from wsserver.chat.log import Head, Publication
from wsserver.chat.remote_log import Glance
from wsserver.reactor.offload import Offload
from wsserver.stores.cached import ENOUGH, ENOUGH_CHARS, CachedLog
from wsserver.stores.postgres import PostgresLog

HISTORY = 10_000


class Node:
    """One server process, as far as its log is concerned."""

    def __init__(self, rig, redis_url, database_url, history=HISTORY):
        self.rig = rig
        self.broker, _ = rig.broker(redis_url)
        self.offload = Offload(rig.reactor.post)
        self.plain = PostgresLog(rig.reactor, self.offload, FakeReporter(), database_url, lambda _channel: history)
        self.recent = RedisRecent(rig.reactor, self.broker)
        self.log = CachedLog(self.plain, self.recent)
        rig.until(lambda: self.plain._writer.up and self.plain._reader.up)
        self.ask(self.plain.glance, "elsewhere", 1)  # an epoch is known from the first answer on

    def ask(self, question, *arguments):
        told = []
        question(*arguments, told.append)
        self.rig.until(lambda: told)
        return told[0]

    def post(self, count=1, channel="c", text="text", key=None):
        outcome = self.ask(self.log.append, [Publication(channel, "ann", f"{text} {n}", n, key) for n in range(count)])
        self.rig.settle(self.broker)
        return [one.message.seq for one in outcome]

    def glance(self, limit=ENOUGH, channel="c"):
        """Return what is told, and whether the copy had it; it is what the database tells, or enough of it."""
        hits = self.log.counts["hit"]
        glance = self.ask(self.log.glance, channel, limit)
        truth = self.ask(self.plain.glance, channel, limit)
        assert glance.head == truth.head
        if len(glance.messages) < len(truth.messages):
            chars = sum(len(one.text) for one in glance.messages)
            assert len(glance.messages) >= min(limit, ENOUGH) or chars >= ENOUGH_CHARS
        assert glance.messages == truth.messages[len(truth.messages) - len(glance.messages) :]
        return glance.messages, self.log.counts["hit"] > hits

    def keys(self, channel="c"):
        return self.broker.names.recent(channel, self.plain.epoch)

    def close(self):
        self.log.close()
        self.rig.turn()
        self.offload.close(5)


def questions_of(node):
    """Have written down what the database is asked to read: how many messages, and from which on."""
    asked, link = [], node.plain._reader
    ask = link.ask

    def note(statement, parameters, done):
        asked.append((int(parameters[1]), int(parameters[2])))
        ask(statement, parameters, done)

    link.ask = note
    return asked


class Script:
    """A log and a copy that say what the test wants; all at once."""

    epoch, trouble, announces = "e", None, False

    def __init__(self, known=(), answer=None):
        self.known, self.answer, self.heard = list(known), answer, []

    def glance_since(self, channel, limit, since, done):
        self.heard.append(("since", since))
        done(self.answer)

    def glance(self, channel, limit, done):
        self.heard.append("whole")
        done(Glance(Head("e", 0, 1), []))

    def append(self, batch, done):
        done(self.answer)

    def recall(self, channel, epoch, limit, done):
        done(self.known)

    def remember(self, channel, epoch, messages):
        self.heard.append((channel, epoch, [one.seq for one in messages]))

    def forget(self, channel, epoch):
        self.heard.append("forgotten")

    def read(self, *_question):
        raise AssertionError
