"""What this node listens to in Redis: pub-sub channels, subscribed to together once a turn, and all anew after a loss.

It knows of each name whether Redis has confirmed it, for only from then on nothing is missed. Nothing but names is
known here; what is said on them goes on as it came.

Read next: `redis_link.py`, below; `redis.py`, above.
"""

from typing import Any, Final, Protocol

import hiredis

from wsserver.brokers.redis_errors import explain
from wsserver.brokers.redis_link import Link
from wsserver.reactor.loop import Reactor

NAMES_AT_ONCE: Final = 1000
"""Names in one command: 255 KiB at most, so that Redis and we have turns for others in between."""


class Hearer(Protocol):
    """Who is told."""

    def on_hearing(self) -> None:
        """The link is up and everything wanted is subscribed to."""

    def on_deaf(self, sentence: str) -> None:
        """The link is gone."""

    def on_subscribed(self, name: str) -> None:
        """From now on nothing that is said on `name` is missed."""

    def on_said(self, name: str, payload: bytes) -> None:
        """Somebody, we ourselves perhaps, said something on `name`."""


class Ear:
    """The link that listens. It is made first, and then given its link."""

    link: Link

    def __init__(self, reactor: Reactor, hearer: Hearer) -> None:
        self._reactor = reactor
        self._hearer = hearer
        self._wanted: dict[str, None] = {}  # an ordered set
        self._changed: dict[str, None] = {}  # names that were wanted or given up in this turn
        self._unconfirmed: dict[str, int] = {}  # name -> subscriptions on their way
        self.hearing = False

    def subscribe(self, name: str) -> None:
        """Want to hear `name`; `on_subscribed` follows each time that it is so, now or after a loss."""
        self._wanted[name] = None
        self._change(name)

    def unsubscribe(self, name: str) -> None:
        """Want it no longer."""
        self._wanted.pop(name, None)
        self._change(name)

    def _change(self, name: str) -> None:
        if not self.link.up:
            return
        if not self._changed:
            self._reactor.at_end_of_turn(self._tell)
        self._changed[name] = None

    def _tell(self) -> None:
        changed, self._changed = self._changed, {}
        if not self.link.up:
            return
        self._send("SUBSCRIBE", [name for name in changed if name in self._wanted])
        self._send("UNSUBSCRIBE", [name for name in changed if name not in self._wanted])

    def _send(self, command: str, names: list[str]) -> None:
        for start in range(0, len(names), NAMES_AT_ONCE):
            part = names[start : start + NAMES_AT_ONCE]
            if command == "SUBSCRIBE":
                for name in part:
                    self._unconfirmed[name] = self._unconfirmed.get(name, 0) + 1
            self.link.send(command, *part)

    # -- what the link says -----------------------------------------------------------------------------------------

    def on_up(self) -> None:
        self._send("SUBSCRIBE", list(self._wanted))

    def on_down(self, sentence: str) -> None:
        self.hearing = False
        self._unconfirmed.clear()
        self._changed.clear()
        self._hearer.on_deaf(sentence)

    def on_reply(self, reply: Any) -> None:
        """Take what a subscriber is sent: an array of a kind, a name and a value."""
        if type(reply) is list and len(reply) == 3 and type(reply[0]) is type(reply[1]) is bytes:
            kind, name, value = reply
            if kind == b"message" and type(value) is bytes:
                self._hearer.on_said(name.decode("utf-8", "replace"), value)
                return
            if kind == b"subscribe" and type(value) is int:
                self._on_confirmed(name.decode("utf-8", "replace"))
                return
            if kind == b"unsubscribe":
                return
        if reply == b"PONG" or reply == [b"pong", b""]:  # before the first subscription, and after it
            return
        if isinstance(reply, hiredis.ReplyError):
            self.link.drop(f"Redis lets us hear nothing: {explain(reply)}")
        else:
            self.link.drop("Redis has sent what no subscriber is sent")

    def _on_confirmed(self, name: str) -> None:
        left = self._unconfirmed.get(name, 0) - 1
        if left > 0:
            self._unconfirmed[name] = left
            return
        self._unconfirmed.pop(name, None)
        if name in self._wanted:
            self._hearer.on_subscribed(name)
        if not self._unconfirmed and not self.hearing:
            self.hearing = True
            self._hearer.on_hearing()
