"""The broker of a node that has no others: everybody who is here is here. For a log that lies elsewhere, used alone.

Read next: `hub_link.py`, for a node that has others on its machine.
"""

from collections.abc import Callable, Sequence

from wsserver.chat.broker import Answers, Asked, BrokerUnavailable, Move, Node
from wsserver.chat.vocabulary import MessageEvent


class LocalBroker:
    """What is said goes nowhere; what is asked is answered at once, by nobody (`Broker`)."""

    trouble: str | None = None

    def __init__(self, node: str) -> None:
        self.node = node
        self._chat: Node | None = None

    def attach(self, node: Node) -> None:
        """Say who is told."""
        self._chat = node

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        """Nobody else is in `channel`."""
        assert self._chat is not None, "attach comes first"
        self._chat.on_roster(channel, {})
        done(None)

    def close(self, channel: str) -> None:
        """Nothing was heard of it."""

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Nobody hears it."""

    def relay(self, channel: str, payload: bytes) -> None:
        """Nobody hears it."""

    def presence(self, channel: str, user: str, move: Move) -> None:
        """Nobody hears it."""

    def ask(self, question: Asked, done: Answers) -> None:
        """There is nobody to ask."""
        done([])

    def close_all(self) -> None:
        """There is no link."""
