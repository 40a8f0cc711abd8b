"""What of a batch belongs to one channel: who said it, what became of it, and who waits for an answer.

Where other nodes write into the same log, their messages may lie between two batches of ours. So the shares of a batch
are given to a courier, which delivers each when its turn has come, and then has it concluded: answered, and done with.

Read next: `batch.py`, which makes shares; `replicas.py`, the courier.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from wsserver.chat.lane import Origin
from wsserver.chat.log import Stored
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import MessageAck, MessageEvent
from wsserver.clients.router import Peer

if TYPE_CHECKING:
    from wsserver.chat.channels import Channel

Answered = tuple[Origin, Stored]
"""A message, and what became of it."""


class Share:
    """One channel's."""

    __slots__ = ("acks", "messages", "origins", "resume")

    def __init__(self, resume: Callable[[], None]) -> None:
        """`resume()` is called when its messages are waited for no longer."""
        self.resume = resume
        self.origins: list[Origin] = []
        self.messages: list[MessageEvent] = []  # of them, those that are not repeats: what is to be delivered
        self.acks: list[Answered] = []

    @property
    def peers(self) -> list[Peer]:
        """Who gets an ack besides."""
        return [origin[0].peer for origin, _ in self.acks if isinstance(origin[0], Session)]

    def conclude(self) -> None:
        """It is delivered, as far as it ever will be: nobody need wait for it, and acks go out."""
        release(self.origins)
        if self.acks:
            acknowledge(self.acks)
        self.resume()


class Courier(Protocol):
    """Who delivers what a log has stored, where messages of other nodes lie between: `replicas.py`."""

    def bring(self, shares: Mapping["Channel", Share]) -> None:
        """Deliver what this node has stored, each share when its turn has come; and conclude it then, once."""

    def trouble_of(self, channel: str) -> str | None:
        """Return why the log that holds `channel` can store nothing just now; None: it can."""


def share_out(origins: list[Origin], stored: list[Stored], resume: Callable[[], None]) -> dict["Channel", Share]:
    """Return each channel's share of a batch, in which `origins[i]` said what became `stored[i]`."""
    shares: dict[Channel, Share] = {}
    for origin, result in zip(origins, stored, strict=True):
        share = shares.get(origin[2])
        if share is None:
            share = shares[origin[2]] = Share(resume)
        share.origins.append(origin)
        if not result.duplicate:
            share.messages.append(result.message)
        if origin[1] is not None:
            share.acks.append((origin, result))
    return shares


def release(origins: list[Origin]) -> None:
    """What these have said need not be waited for any longer."""
    for sender, _, channel in origins:
        channel.pending -= 1
        sender.pending -= 1


def acknowledge(answered: Iterable[Answered]) -> None:
    """Say that the log has it. In a very large channel others may hear it later, but who is answered has heard it."""
    for (sender, id, channel), result in answered:
        if id is not None:
            if channel.audience.sliced and isinstance(sender, Session):
                channel.audience.settle(sender)
            message = result.message
            sender.send(MessageAck(channel.name, message.seq, message.ts, result.duplicate, id=id))
