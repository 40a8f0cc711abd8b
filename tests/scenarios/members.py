"""Members of a channel who publish until each message is acknowledged, and note what they see, in order.

A member who is cut off comes back, to the next server, and recovers; one who is refused waits a moment and says it
again under its key. One without keys says nothing twice. What they saw is a row of stretches: a stretch is unbroken,
and a new one begins where the server said that they cannot go on.

Read next: `nodes.py`, where they talk; `test_nodes_order.py`.
"""

import contextlib
import json
import socket
import threading
import time
from collections import Counter, deque

import websocket

from tests.scenarios.running import PATIENCE_S
from tests.scenarios.talking import Talker

WINDOW = 16
"""Messages of one member on their way."""

RETRY_S = 0.2
"""Before a refused message is said again."""

PAUSE_S = 0.1
"""Before a lost connection is made again."""

TROUBLE = (OSError, websocket.WebSocketException, ValueError, AssertionError)


class Member:
    """One client in a thread of its own. It publishes `count` messages, or goes on until `stop`; 0: it only listens."""

    def __init__(self, url, channel, user, count=0, pace_s=0.0, keyed=True):
        """`pace_s`: between two new messages, so that a long fault does not fill the disk."""
        self.urls = [url]  # where it may be, each tried in turn
        self.channel, self.user = channel, user
        self.count = count
        self.keyed = keyed
        self.given_up = 0  # messages without a key that were not acknowledged
        self._pace_s = pace_s
        self._next_at = 0.0
        self.acked = {}  # key -> seq
        self.said = 0
        self.errors = Counter()  # codes of refusals
        self.wrong = []  # what must not have happened
        self.stretches = []  # [epoch, [(seq, user, text), ...]]
        self.lost_connections = 0
        self._due = deque()  # (time, key) of what is to be said again
        self._flying = set()
        self._leaving = threading.Event()
        self._talker = None
        self._thread = threading.Thread(target=self._run, name=user, daemon=True)

    def start(self):
        """Join, and begin to talk."""
        self._come_in()
        self._thread.start()
        return self

    def stop(self):
        """Say nothing new; what is on its way is said until it is acknowledged."""
        self.count = min(self.count, self.said)

    @property
    def is_done(self):
        """Everything that it had to say is acknowledged."""
        return len(self.acked) + self.given_up >= self.count and not self._flying and not self._due

    @property
    def seq(self):
        """The newest message that it has seen."""
        return self.stretches[-1][1][-1][0] if self.stretches and self.stretches[-1][1] else 0

    def leave(self):
        """End it."""
        self._leaving.set()
        if self._thread.ident is not None:
            self._thread.join(2 * PATIENCE_S)
        if self._talker is not None:
            self._talker.socket.shutdown()

    def cut_off(self):
        """End its connection, as a bad network does; it comes back and recovers."""
        with contextlib.suppress(*TROUBLE, AttributeError):
            self._talker.socket.sock.shutdown(socket.SHUT_RDWR)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self):
        while not self._leaving.is_set():
            try:
                self._talk()
            except TROUBLE:
                self.lost_connections += 1
                self._talker.socket.shutdown()
                for text in sorted(self._flying):
                    self._again(text, 0.0)
                self.urls.append(self.urls.pop(0))
                self._come_back()

    def _talk(self):
        self._talker.socket.settimeout(0.02)
        kept, self._talker.kept = self._talker.kept, []
        for event in kept:
            self._take(event)
        while not self._leaving.is_set():
            self._speak()
            try:
                event = json.loads(self._talker.socket.recv())
            except websocket.WebSocketTimeoutException:
                continue
            self._take(event)

    def _speak(self):
        now = time.monotonic()
        while self._due and len(self._flying) < WINDOW and self._due[0][0] <= now:
            self._say(self._due.popleft()[1])
        while len(self._flying) < WINDOW and self.said < self.count and not self._due and self._next_at <= now:
            self._say(f"{self.user} {self.said}")
            self.said += 1
            self._next_at = now + self._pace_s

    def _say(self, text):
        self._flying.add(text)
        named = {"key": text} if self.keyed else {}
        self._talker.say("message", channel=self.channel, text=text, id=text, **named)

    def _again(self, text, at):
        """It was not acknowledged."""
        self._flying.discard(text)
        if self.keyed:
            self._due.append((at, text))
        else:
            self.given_up += 1

    def _take(self, event):
        kind = event["type"]
        if kind == "message":
            if event["channel"] == self.channel:
                self._see(event)
        elif kind == "ack":
            self._flying.discard(event["id"])
            if self.acked.setdefault(event["id"], event["seq"]) != event["seq"]:
                self.wrong.append(("acked twice", event, self.acked[event["id"]]))
        elif kind == "error":
            self.errors[event["code"]] += 1
            if not event["retry"]:
                self.wrong.append(("not to be tried again", event))
            if event.get("id") in self._flying:
                self._again(event["id"], time.monotonic() + RETRY_S)
        elif kind == "joined":
            self._begin(event)

    def _see(self, message):
        seen = self.stretches[-1][1]
        if seen and message["seq"] != seen[-1][0] + 1:
            self.wrong.append(("after", seen[-1], "came", message))
        seen.append((message["seq"], message["user"], message["text"]))

    def _begin(self, joined):
        if not joined.get("recovered") or joined["epoch"] != self.stretches[-1][0]:
            self.stretches.append([joined["epoch"], []])
        for message in joined["messages"]:
            self._see(message)
        seen = self.stretches[-1][1]
        if not seen and joined["seq"]:
            seen.append((joined["seq"], None, None))  # where it stands, of which we know no more

    def _open(self):
        return Talker(self.urls[0])

    def _come_in(self):
        recovery = {}
        if self.stretches:
            recovery = {"since": self.seq, "epoch": self.stretches[-1][0]}
        talker = self._open()
        try:
            joined = talker.ask("join", channel=self.channel, user=self.user, **recovery)
            if joined["type"] != "joined":
                self.errors[joined["code"]] += 1
                raise ConnectionError(joined)
        except BaseException:
            talker.socket.shutdown()
            raise
        self._talker = talker
        self._begin(joined)

    def _come_back(self):
        while not self._leaving.wait(PAUSE_S):
            try:
                self._come_in()
            except TROUBLE:
                self.urls.append(self.urls.pop(0))
                continue
            return


def judge(members, stored):
    """Compare what was acknowledged and seen in one channel with what is kept of it; [(seq, user, text), ...]."""
    assert [seq for seq, _, _ in stored] == list(range(1, len(stored) + 1)), "numbers without a gap"
    assert len({text for _, _, text in stored}) == len(stored), "nothing is there twice"
    numbers = {text: seq for seq, _, text in stored}
    for member in members:
        assert member.wrong == []
        assert member.acked.items() <= numbers.items(), "what was acknowledged is there, under its number"
        for _epoch, seen in member.stretches:
            for seq, user, text in seen:
                assert text is None or stored[seq - 1] == (seq, user, text), "everybody sees what is there"
