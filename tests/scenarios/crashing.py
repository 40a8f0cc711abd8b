"""Kills a server in the middle of its work, again and again, and compares what it said with what it still knows.

    python -m tests.scenarios.crashing --rounds 200        `make crash`; the suite runs a few rounds of it

Four publishers keep 32 messages each in flight, some of them twice under one key. At a moment nobody chose the server
gets SIGKILL. The next one has the same file, and must have every message that was acknowledged, under its number, once;
numbers without a gap; and must know each key again.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import threading
from pathlib import Path

import websocket

from tests.scenarios.running import RunningServer
from tests.scenarios.talking import Talker

PUBLISHERS = 4
IN_FLIGHT = 32
CHANNEL = "crash"
TROUBLE = (OSError, websocket.WebSocketException)


class Publisher:
    """Speaks until its server is gone. `acked[key]` is (seq, ts); keys that were said and not acked may be either."""

    def __init__(self, url, number, first):
        self.user = f"user {number}"
        self.numbers = itertools.count(first)
        self.said = []
        self.acked = {}
        self.wrong = []
        self.talker = Talker(url)
        self.talker.join(CHANNEL, self.user, history=0)
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            for _ in range(IN_FLIGHT):
                self._say()
            while True:
                self._hear(json.loads(self.talker.socket.recv()))
        except TROUBLE:
            pass
        except ValueError:
            pass  # half a frame, or none

    def _say(self):
        number = next(self.numbers)
        key = f"{self.user} {number - number % 10 if number % 10 == 3 else number}"  # every tenth is a repetition
        self.said.append(key)
        self.talker.say("message", channel=CHANNEL, text=key, key=key, id=key)

    def _hear(self, event):
        if event["type"] == "error":
            self.wrong.append(event)
        if event["type"] == "ack":
            first = self.acked.setdefault(event["id"], (event["seq"], event["ts"]))
            if first != (event["seq"], event["ts"]):
                self.wrong.append((first, event))
            self._say()


class Crash:
    """One file, and servers that have it one after another."""

    def __init__(self, path, durability, seed):
        self.flags = (
            "--port", "0", "--store", f"sqlite:{path}", "--set", f"store.durability={durability}",
            "--set", "limits.rate=0", "--set", "chat.history=1000000",
        )  # fmt: skip
        self.luck = random.Random(seed)
        self.epoch = None
        self.known = 0  # messages that were judged in earlier rounds
        self.said = 0  # numbers of messages so far: whole tens, so that nobody repeats what is of an earlier round
        self.acked = 0

    def round(self):
        """Let publishers speak, kill the server, and judge the next one. Raises AssertionError."""
        server = RunningServer(*self.flags)
        try:
            publishers = [Publisher(server.ws(), number, self.said) for number in range(PUBLISHERS)]
            for publisher in publishers:
                publisher.thread.start()
            publishers[0].thread.join(self.luck.uniform(0.02, 0.4))
        finally:
            server.stop()
        for publisher in publishers:
            publisher.thread.join()
            publisher.talker.socket.shutdown()
            assert publisher.wrong == []
        server = RunningServer(*self.flags)
        try:
            self._judge(server.ws(), publishers)
        finally:
            server.stop()

    def _judge(self, url, publishers):
        talker = Talker(url)
        joined = talker.join(CHANNEL, "judge", history=0)
        assert self.epoch in (None, joined["epoch"]), "the epoch outlives the server"
        self.epoch = joined["epoch"]
        messages = list(self._read(talker))
        seqs = [message["seq"] for message in messages]
        assert seqs == list(range(self.known + 1, joined["seq"] + 1)), "no number is missing, and none is there twice"
        found = {message["text"]: (message["seq"], message["ts"]) for message in messages}
        assert len(found) == len(messages), "no key is there twice"
        for publisher in publishers:
            assert publisher.acked.items() <= found.items(), "what was acknowledged is there, under its number"
            self.acked += len(publisher.acked)
            self.said = max(self.said, next(publisher.numbers) // 10 * 10 + 10)
        assert found.keys() <= {key for publisher in publishers for key in publisher.said}
        self.known = joined["seq"]
        self._repeat(url, publishers[0], found)
        talker.close()

    def _read(self, talker):
        last, more = self.known, True
        while more:
            page = talker.ask("history", channel=CHANNEL, after=last, limit=300)
            yield from page["messages"]
            more = page["more"]
            last = page["messages"][-1]["seq"] if page["messages"] else last

    def _repeat(self, url, publisher, found):
        """A client that comes back says again what it had no ack for: each is stored once in the end."""
        again = Talker(url)
        again.join(CHANNEL, publisher.user, history=0)
        for key in publisher.said[-2 * IN_FLIGHT :]:
            ack = again.ask("message", channel=CHANNEL, text=key, key=key)
            assert ack["duplicate"] is (key in found), key
            assert found.setdefault(key, (ack["seq"], ack["ts"])) == (ack["seq"], ack["ts"])
            self.known = max(self.known, ack["seq"])
        again.close()


def crash(path, durability, rounds, seed, say=lambda _: None):
    """Run so many rounds on one file. Raises AssertionError; returns (messages acknowledged, messages found)."""
    one = Crash(path, durability, seed)
    for number in range(1, rounds + 1):
        one.round()
        say(f"{durability}: round {number} of {rounds}, {one.acked} acknowledged, {one.known} there")
    return one.acked, one.known


def main():
    parser = argparse.ArgumentParser(description="Kill servers in the middle of their work and judge what is left.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--durability", choices=("process", "power"), default="process")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        acked, found = crash(
            Path(folder) / "chat.db", arguments.durability, arguments.rounds, arguments.seed,
            lambda line: print(line, end="\r", flush=True),
        )  # fmt: skip
    print(f"\nNothing was lost, doubled or skipped: {acked} acknowledged, {found} there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
