"""A broker behind a breaker: while the link to the other nodes does not work, nobody waits for them.

    chat ---> GuardedBroker ---> Broker ---> other nodes     `ask` goes by the breaker, `open` tells it how things are
         <--- GuardedNode   <---                             what comes is counted

Only questions are refused. What is said in a channel goes on to the broker behind, which never blocks and may keep what
it needs for the time when the link is back: who is where, which channels are open, that something was said. It is
counted as dropped all the same, for nobody hears it now. Binary messages, which nobody could find in a log later, are
dropped here. When the link is back (`Node.on_restored`), the breaker does not wait for its pause to end.

Read next: `resilience/guard.py`; `chat/broker.py` for the face on both sides.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from wsserver.chat.broker import Answers, Asked, Broker, BrokerUnavailable, Count, Move, Node
from wsserver.chat.vocabulary import MessageEvent
from wsserver.resilience.breaker import Breaker, State, Ticket
from wsserver.resilience.guard import Clock, Guard, Probed, Report

_STOPPING: Final = "the server is stopping"


class GuardedNode:
    """A `Node` around a `Node`."""

    def __init__(self, node: Node, guard: Guard, counts: dict[str, int]) -> None:
        self._guard = guard
        self._counts = counts
        self._node = node
        self.on_presence = node.on_presence
        self.on_roster = node.on_roster
        self.on_node_gone = node.on_node_gone
        self.answer = node.answer

    def on_announced(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Count messages from elsewhere, and pass them on."""
        self._counts["received"] += len(messages)
        self._node.on_announced(channel, epoch, messages)

    def on_relayed(self, channel: str, payload: bytes) -> None:
        """Count a binary message from elsewhere, and pass it on."""
        self._counts["received"] += 1
        self._node.on_relayed(channel, payload)

    def on_interrupted(self) -> None:
        """Something may be missed from now on."""
        self._counts["interrupted"] += 1
        self._node.on_interrupted()

    def on_restored(self) -> None:
        """The link is there again: no reason to wait."""
        self._guard.hasten()
        self._node.on_restored()


class GuardedBroker:
    """A `Broker` around a `Broker`."""

    def __init__(self, broker: Broker, breaker: Breaker, clock: Clock, report: Report) -> None:
        """`report` is told of each change of the breaker."""
        self.node = broker.node
        self.guard = Guard(breaker, clock, self._probe, report)
        self._counts: dict[str, int] = dict.fromkeys(("received", "sent", "dropped", "interrupted"), 0)
        self.refused = 0
        """Questions that were refused without asking."""
        self._broker = broker

    @property
    def counts(self) -> dict[str, int]:
        """What went to and fro, by `observe/families.BROKER_WHATS`."""
        return {
            **self._counts,
            "garbled": getattr(self._broker, "dropped", 0),
        }  # of one that has to decode what it hears

    @property
    def trouble(self) -> str | None:
        """Why the other nodes cannot be reached just now."""
        return self.guard.trouble or self._broker.trouble

    def attach(self, node: Node) -> None:
        """Say who is told (`Broker.attach`)."""
        self._broker.attach(GuardedNode(node, self.guard, self._counts))

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        """Hear of `channel` from now on (`Broker.open`); the broker behind alone knows whether it is so."""
        self._broker.open(channel, partial(self._on_opened, self.guard.admit(), done))

    def close(self, channel: str) -> None:
        """Hear of `channel` no longer (`Broker.close`)."""
        self._broker.close(channel)

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Tell the others what is in the log (`Broker.announce`)."""
        self._passes(len(messages))
        self._broker.announce(channel, epoch, messages)

    def relay(self, channel: str, payload: bytes) -> None:
        """Tell the others something binary (`Broker.relay`), or drop it."""
        if self._passes(1):
            self._broker.relay(channel, payload)

    def presence(self, channel: str, user: str, move: Move) -> None:
        """Tell the others who came or went, and keep it (`Broker.presence`)."""
        self._broker.presence(channel, user, move)

    def ask(self, question: Asked, done: Answers) -> None:
        """Put a question to all other nodes (`Broker.ask`)."""
        ticket = self.guard.admit()
        if ticket is None:
            self.refused += 1
            done(BrokerUnavailable(self.guard.trouble or _STOPPING))
        else:
            self._broker.ask(question, partial(self._on_answer, ticket, done))

    def close_all(self) -> None:
        """Say goodbye (`Broker.close_all`)."""
        self.guard.close()
        self._broker.close_all()

    def _passes(self, count: int) -> bool:
        """Count so many messages as sent or dropped."""
        passes = self.guard.breaker.state is not State.OPEN
        self._counts["sent" if passes else "dropped"] += count
        return passes

    def _on_opened(
        self, ticket: Ticket | None, done: Callable[[BrokerUnavailable | None], None], answer: BrokerUnavailable | None
    ) -> None:
        if ticket is not None:
            self.guard.note(ticket, _failure(answer))
        elif answer is None:
            self.guard.hasten()  # it works
        done(answer)

    def _on_answer(self, ticket: Ticket, done: Callable[[Any], None], answer: Any) -> None:
        self.guard.note(ticket, _failure(answer))
        done(answer)

    def _probe(self, done: Probed) -> None:
        self._broker.ask(Count(), lambda answer: done(_failure(answer)))


def _failure(answer: Any) -> str | None:
    """Return why there is no answer in an answer; None when it is one."""
    return str(answer) if isinstance(answer, BrokerUnavailable) else None
