"""This node among the others: hears what they say (`broker.Node`), and asks them what only all together know.

    announced -> the keeper    relayed, moves, rosters -> members here    questions -> those who can answer
    `ask_all` -> what was done here + what the others answer -> whoever asked

Read next: `broker.py`, which says what each call means; `keeper.py`, `neighbours.py`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wsserver.chat.broker import Asked, Broker, BrokerUnavailable, Incomplete, Move
from wsserver.chat.channels import Channels
from wsserver.chat.copies import Copy
from wsserver.chat.errors import ChatError
from wsserver.chat.neighbours import Neighbours
from wsserver.chat.replicas import Replicas
from wsserver.chat.shapes import sensible
from wsserver.chat.vocabulary import Joined, MessageEvent, Relayed
from wsserver.clients.router import Surroundings
from wsserver.websocket.codes import BINARY

Counted = Callable[[int, BrokerUnavailable | None], None]
"""Is told how many were reached, and why others may be missing from that."""

_logger: Final = logging.getLogger(__name__)

SILENT: Final = "another node has not answered in time"


class Cluster:
    """The `Node` of the chat. Nothing in it raises."""

    def __init__(
        self, surroundings: Surroundings, broker: Broker, replicas: Replicas, channels: Channels, names: int
    ) -> None:
        """At most `names` users are named to who is given a new start."""
        self._surroundings = surroundings
        self._broker = broker
        self._replicas = replicas
        self._channels = channels
        self._names = names
        self._answers: dict[type, Callable[[Any], Any]] = {}
        self.neighbours: Neighbours  # it needs the announcer, which is built later
        replicas.attach(surroundings, channels, self._begin_anew)
        replicas.on_closed = lambda name: self.neighbours.forget(name)

    # -- asking -------------------------------------------------------------------------------------------------------

    def answer_with(self, question: type, answer: Callable[[Any], Any]) -> None:
        """From now on `answer(question)` answers questions of that type for this node."""
        self._answers[question] = answer

    def count(self, question: Asked, here: int, done: Counted) -> None:
        """Put `question` to the others; `done` hears the sum of `here` and what they answer."""

        def answered(answers: list[Any] | BrokerUnavailable) -> None:
            if isinstance(answers, BrokerUnavailable):
                done(here, answers)
                return
            known = sensible(question, answers)
            silent = isinstance(answers, Incomplete) or len(known) < len(answers)
            done(here + sum(known), BrokerUnavailable(SILENT) if silent else None)

        self._broker.ask(question, answered)

    def gather(self, question: Asked, here: Any, done: Callable[[list[Any]], None]) -> None:
        """Put `question` to the others; `done` hears `here` and what they answer, as far as they can be reached."""
        self._broker.ask(
            question,
            lambda answers: done(
                [here] if isinstance(answers, BrokerUnavailable) else [here, *sensible(question, answers)]
            ),
        )

    # -- hearing (`broker.Node`) --------------------------------------------------------------------------------------

    def on_announced(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """These are in the log."""
        copy = self._replicas.copies.get(channel)
        if copy is not None:
            self._replicas.keeper.hear(copy, epoch, messages)

    def on_relayed(self, channel: str, payload: bytes) -> None:
        """Somebody elsewhere said something binary; channels have a number of their own here."""
        here = self._channels.find(channel)
        if here is None:
            return
        event = Relayed(here.cid, payload)
        here.audience.relay(event, self._surroundings, here.stream)
        for session in here.catching_up:
            session.peer.send(session.codec.encode_binary(event), BINARY)

    def on_presence(self, node: str, channel: str, user: str, move: Move) -> None:
        """Somebody elsewhere came or went."""
        self.neighbours.move(node, channel, user, Move(move))

    def on_roster(self, channel: str, users: Mapping[str, Sequence[str]]) -> None:
        """Who is in a channel elsewhere."""
        self.neighbours.replace(channel, users)

    def on_node_gone(self, node: str) -> None:
        """A node has ended without a word."""
        self.neighbours.lose_node(node)

    def on_interrupted(self) -> None:
        """What may be missed now is looked for when the link is back."""

    def on_restored(self) -> None:
        """Say again what nobody may have heard, and look for what was missed in every channel that is open here."""
        self._replicas.told.tell_again()
        self._replicas.keeper.doubt_all()

    def answer(self, question: Asked) -> Any:
        """Do what is asked, for this node alone. What cannot be done reaches nobody."""
        answer = self._answers.get(type(question))
        try:
            return 0 if answer is None else answer(question)
        except ChatError:
            return 0
        except Exception:
            _logger.exception("another node's question could not be answered")
            return 0

    # -- a new start --------------------------------------------------------------------------------------------------

    def _begin_anew(self, copy: Copy) -> None:
        """Tell everybody who hears a channel that it is another one now, where it stands, and what is in it."""
        channel, replica = copy.channel, copy.replica
        assert replica is not None
        for catch_up in list(channel.catching_up.values()):
            catch_up.go_live()
        users = channel.roster.first_names(self._names)
        head = replica.head
        event = Joined(
            channel.name, channel.cid, head.epoch, head.seq, users.names, channel.roster.count,
            fitting(replica.tail), False, users.more,
        )  # fmt: skip
        channel.audience.deliver((event,), self._surroundings, channel.notices)
        if channel.listener is not None:
            channel.listener.begin_anew(head)


def fitting(messages: list[MessageEvent]) -> list[MessageEvent]:
    """Return the newest page of a tail, as who joins with no wish of their own gets it."""
    return messages[-50:]
