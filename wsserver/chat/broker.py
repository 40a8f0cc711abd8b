"""What the chat asks of a broker: a megaphone to the other nodes, and an ear for them. A node is one server process.

A broker may lose, delay, double or reorder what it carries: what has to be complete is in the log, and a node that sees
a gap in seq reads it there. So nothing here is ever waited for, but for counts that a client asked for.

    Broker.announce ---> (elsewhere) Node.on_announced       messages that are in the log
           .relay   ---> Node.on_relayed                     binary messages
           .presence --> Node.on_presence                    who came and went
           .ask     ---> Node.answer ---> done               said to all nodes; each says whom it reached

Nobody hears himself: a broker drops what its own node said. `brokers/` implements `Broker`; `cluster.py` is the `Node`.

Read next: `cluster.py`; `remote_log.py`, for the log that all nodes share.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from wsserver.chat.vocabulary import MessageEvent


class BrokerUnavailable(Exception):
    """The other nodes cannot be reached just now."""


class Incomplete(list[Any]):
    """Answers, of which at least one is missing: a node heard the question and has not said anything in time."""


class Move(IntEnum):
    """What a user's last or first client of one node did in a channel."""

    ENTER = 0
    LEAVE = 1
    LOSE = 2


class Question(Struct, gc=False, frozen=True, array_like=True, tag_field="q", forbid_unknown_fields=False):
    """Said to every node; each does what it says with its own clients and answers with a number, or what is named."""


class SayToAll(Question, frozen=True, tag="all"):
    """To every client. Answer: how many."""

    sender: str
    text: str
    ts: int


class SayToOne(Question, frozen=True, tag="one"):
    """To every client of `to`. Answer: how many."""

    sender: str
    to: str
    text: str
    ts: int


class SayToSome(Question, frozen=True, tag="some"):
    """To every client of some users. Answer: how many."""

    sender: str
    to: list[str]
    text: str
    ts: int


class SayOnTopic(Question, frozen=True, tag="topic"):
    """To the subscribers of a topic. Answer: how many."""

    sender: str
    topic: str
    data: Any
    ts: int


class CountHearers(Question, frozen=True, tag="hearers"):
    """Answer: how many clients hear `channel`."""

    channel: str


class Kick(Question, frozen=True, tag="kick"):
    """Close every connection of `user` with 4503. Answer: how many."""

    user: str
    reason: str


class Count(Question, frozen=True, tag="count"):
    """Answer: the dict of `stats`, numbers by name."""


class ListChannels(Question, frozen=True, tag="channels"):
    """Answer: the channels that have somebody in them, as [[name, users], ...]."""


class ListConnections(Question, frozen=True, tag="connections"):
    """Answer: what `GET /api/connections` lists, as JSON has it."""

    sort: str
    limit: int


Asked = (
    SayToAll | SayToOne | SayToSome | SayOnTopic
    | CountHearers | Kick | Count | ListChannels | ListConnections
)  # fmt: skip
"""All questions there are; for whoever decodes them."""

Answers = Callable[[list[Any] | BrokerUnavailable], None]


class Node(Protocol):
    """What a broker tells the chat of this node. All are called in the reactor's thread; none raises."""

    def on_announced(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """These are in the log; they may have been heard before, and some before them may not. `epoch` "": unknown."""

    def on_relayed(self, channel: str, payload: bytes) -> None:
        """Somebody elsewhere said something binary in `channel`."""

    def on_presence(self, node: str, channel: str, user: str, move: Move) -> None:
        """The first client of `user` on `node` came into `channel`, or the last one went."""

    def on_roster(self, channel: str, users: Mapping[str, Sequence[str]]) -> None:
        """Who is in `channel` on each other node: what was known before is replaced."""

    def on_node_gone(self, node: str) -> None:
        """A node has ended without a word: its lease is over. Its users are lost."""

    def on_interrupted(self) -> None:
        """From now on something may be missed."""

    def on_restored(self) -> None:
        """The link is there again; what was missed is to be looked for: gaps, and rosters, which follow."""

    def answer(self, question: Asked) -> Any:
        """Do what is asked, with this node's clients alone, and return what is answered."""


@runtime_checkable
class Numbering(Protocol):
    """A broker between processes of one server, in all of which a channel has the same number (`Channel.cid`)."""

    def number_of(self, channel: str) -> int | None:
        """Return the number of an open channel; None when it is not open."""


class Broker(Protocol):
    """Nothing here blocks or raises. What cannot be told because the link is down is dropped."""

    node: str
    """What the other nodes call this one: unguessable, another one at each start."""

    @property
    def trouble(self) -> str | None:
        """Why the other nodes cannot be reached just now; None when all is well, or when there are none."""

    def attach(self, node: Node) -> None:
        """Say who is told. Called once, before anything else."""

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        """Hear what is announced, relayed and moved in `channel` from now on.

        `done` is called once it is so, later or before this returns; `Node.on_roster` was called for it before. With
        BrokerUnavailable it is not so yet, and will be when the link is back.
        """

    def close(self, channel: str) -> None:
        """Hear of `channel` no longer. Nobody of this node is in it any more."""

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Tell the nodes that hear of `channel`. Only for what a log did not announce itself."""

    def relay(self, channel: str, payload: bytes) -> None:
        """Tell them something binary."""

    def presence(self, channel: str, user: str, move: Move) -> None:
        """Tell them who came or went, and keep it for those who open the channel later."""

    def ask(self, question: Asked, done: Answers) -> None:
        """Put `question` to every other node and call `done` with what they answered.

        It is called once, later or before this returns; a node that does not answer within a second is left out,
        and if it is known that there is one, the answers are `Incomplete`.
        With BrokerUnavailable nobody has been asked.
        """

    def close_all(self) -> None:
        """Say goodbye and let go of the link. The users of this node have gone with a word."""
