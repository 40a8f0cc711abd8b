"""Weather for nodes: members that keep book of what they hear, and a storm in which anything happens in any order."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.chat.cluster_rig import Harbour, Sea
from tests.chat.fakes import Json
from wsserver.chat.log import Publication

CHANNELS = ("lobby", "den")


class Member:
    """A client that keeps book of what it hears and stops the test when a promise is broken."""

    def __init__(self, node: Harbour, user: str) -> None:
        self.node = node
        self.user = user
        self.client = node.connect()
        self.seq: dict[str, int] = {}  # by channel: what it heard last, in channels in which it is
        self.seen: dict[str, int] = {}  # the same for channels that it left
        self.epoch = ""
        self.asked: dict[int, tuple[str, str]] = {}  # messages that are not acked: channel, text
        self.said = 0

    def read(self, stored: dict[str, dict[int, str]]) -> None:
        for event in self.client.hear():
            channel = event.get("channel", "")
            if event["type"] == "joined":
                self._take(channel, event["messages"], stored)
                self.epoch = event["epoch"]
                if event.get("recovered"):
                    since = int(event["id"])
                    seqs = [message["seq"] for message in event["messages"]]
                    assert seqs == list(range(since + 1, since + 1 + len(seqs))), "a part was said to be the whole"
                    self.seq[channel] = since + len(seqs)
                else:
                    self.seq[channel] = event["seq"]
            elif event["type"] == "message":
                assert event["seq"] == self.seq[channel] + 1, f"{self.user} heard {event} after {self.seq[channel]}"
                self.seq[channel] = event["seq"]
                self._take(channel, [event], stored)
            elif event["type"] == "left":
                if channel in self.seq:
                    self.seen[channel] = self.seq.pop(channel)
            elif event["type"] == "ack":
                assert stored[channel][event["seq"]] == self.asked.pop(event["id"])[1]
            elif event["type"] == "error":
                self.asked.pop(event["id"], None)

    def _take(self, channel: str, messages: list[Json], stored: dict[str, dict[int, str]]) -> None:
        for message in messages:
            assert stored[channel][message["seq"]] == message["text"]

    def say(self, channel: str) -> None:
        if channel in self.seq:
            self.said += 1
            self.asked[self.said] = (channel, f"{self.user} {self.said}")
            self.client.say("message", channel=channel, text=f"{self.user} {self.said}", id=self.said)

    def join(self, channel: str) -> None:
        """Join, or come back to where it was."""
        fields: dict[str, Any] = {}
        if channel in self.seen and channel not in self.seq:
            fields = {"since": self.seen[channel], "epoch": self.epoch, "id": str(self.seen[channel])}
        self.client.say("join", channel=channel, user=self.user, history=0, **fields)

    def leave(self, channel: str) -> None:
        self.client.say("leave", channel=channel)


def truth(sea: Sea) -> dict[str, dict[int, str]]:
    return {
        channel: {message.seq: message.text for message in sea.store.after(channel, 0, 100_000)}
        for channel in CHANNELS
    }


def storm(sea: Sea, members: list[Member], random: Random, steps: int) -> None:
    """Let anything happen, in any order."""
    for _ in range(steps):
        member = random.choice(members)
        channel = random.choice(CHANNELS)
        acts: list[Callable[[], None]] = [
            *[lambda: member.say(channel)] * 8,  # noqa: B023
            lambda: member.join(channel),  # noqa: B023
            lambda: member.leave(channel),  # noqa: B023
            *[lambda: sea.advance(random.choice((0, 0.001, 0.01, 0.1)))] * 4,
        ]
        random.choice(acts)()
        if random.random() < 0.03:
            broker = random.choice(sea.brokers)
            if broker.cut:
                broker.restore()
            else:
                broker.interrupt()
        if random.random() < 0.03:
            log = random.choice(sea.nodes).log
            log.trouble = None if log.trouble else "a bad moment"
        for reader in members:
            reader.read(truth(sea))


def calm(sea: Sea) -> None:
    """All links are well again, and everything that is on its way arrives."""
    sea.wild = False
    for node in sea.nodes:
        node.log.trouble = None
        if node.broker.cut:
            node.broker.restore()
    sea.advance(20)
    for channel in CHANNELS:  # a lost announcement is noticed when the next one comes, or the link breaks
        last = sea.store.append([Publication(channel, "server", "last", 0)], lambda _outcome: None)
        assert last is not None
        epoch = sea.store.head(channel).epoch
        for broker in sea.brokers:
            if channel in broker.channels:
                broker.known.on_announced(channel, epoch, [last[0].message])
    sea.advance(20)


class Stranger(Member):
    """A member in channels whose log may become another one: what it hears is judged by the epoch that it was told."""

    def __init__(self, node: Harbour, user: str) -> None:
        super().__init__(node, user)
        self.epochs: dict[str, str] = {}
        self.texts: dict[tuple[str, str, int], str] = {}
        self.starts = 0

    def read(self, stored: dict[str, dict[int, str]]) -> None:
        for event in self.client.hear():
            channel = event.get("channel", "")
            if event["type"] == "joined":
                self.starts += "id" not in event
                self.epochs[channel] = event["epoch"]
                self.seq[channel] = event["seq"]
                for message in event["messages"]:
                    self._note(channel, message)
            elif event["type"] == "message":
                assert event["seq"] == self.seq[channel] + 1, f"{self.user} heard {event} after {self.seq[channel]}"
                self.seq[channel] = event["seq"]
                self._note(channel, event)
            elif event["type"] == "left":
                self.seq.pop(channel, None)
            elif event["type"] in ("ack", "error"):
                self.asked.pop(event["id"], None)

    def _note(self, channel: str, message: Json) -> None:
        self.texts[channel, self.epochs[channel], message["seq"]] = message["text"]

    def join(self, channel: str) -> None:
        self.client.say("join", channel=channel, user=self.user, id=0)
