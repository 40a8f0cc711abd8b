"""The messages that one turn publishes, and what happens to them at its end: logged, then delivered, then acked.

This order is the promise of the chat (`docs/protocol.md`, what is promised): nobody sees a message that the log may
forget, and an ack says that the log has it. Waiting for the end of the turn makes it cheap: one transaction and
one write a client for all messages of the turn, whoever sent them.

    add ... add ... add ---> end of turn: append -> fan out -> acks
                       \\---> or sooner, where something must not overtake them: `settle`

Read next: `log.py` for what `append` promises; `posting.py` and `rooms.py`, the callers.
"""

from typing import Final

from wsserver.chat.channels import Channel
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Log, Publication, Stored, StoreUnavailable
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import MessageAck, MessageEvent
from wsserver.clients.router import Surroundings

BATCH_LIMIT: Final = 1000
"""More messages than that do not wait for the end of a turn: bounds what waits, and how long the log works at once."""

_Sender = tuple[Session | None, str | int | None, Channel]


class Batch:
    """What waits. `senders[i]` said `publications[i]`; the server itself speaks as None."""

    def __init__(self, surroundings: Surroundings, log: Log) -> None:
        self._surroundings = surroundings
        self._log = log
        self._publications: list[Publication] = []
        self._senders: list[_Sender] = []
        self._armed = False  # commit is going to be called at the end of this turn
        self._ts = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._publications)

    def add(
        self, session: Session | None, id: str | int | None, channel: Channel, user: str, text: str, key: str | None
    ) -> None:
        """Let a message wait for the end of the turn; `session` gets the ack if there is an `id`."""
        publications = self._publications
        if not publications:
            self._ts = self._surroundings.wall_ms()  # one reading for all of a batch
            if not self._armed:
                self._armed = True
                self._surroundings.at_end_of_turn(self._finish_turn)
        publications.append(Publication(channel.name, user, text, self._ts, key))
        self._senders.append((session, id, channel))
        channel.pending = True
        if session is not None:
            session.pending = True
        if len(publications) >= BATCH_LIMIT:
            self.commit()

    def settle(self, channel: Channel) -> None:
        """Commit now if anything waits for `channel`: what comes next must not overtake it."""
        if channel.pending:
            self.commit()

    def commit(self) -> list[Stored]:
        """Log, deliver and ack what waits. Returns what became of it; an empty list when nothing was stored.

        A store that is not there costs the senders an error each, and nobody else anything.
        """
        publications, senders = self._publications, self._senders
        if not publications:
            return []
        self._publications, self._senders = [], []
        for session, _, channel in senders:
            channel.pending = False
            if session is not None:
                session.pending = False
        try:
            stored = self._log.append(publications)
        except StoreUnavailable as error:
            _refuse(senders, ChatError("store_unavailable", f"The message could not be stored: {error}. Try again."))
            return []
        except Exception:
            _refuse(senders, ChatError("internal", "The message could not be stored: the server made a mistake."))
            raise
        self._deliver(senders, stored)
        _acknowledge(senders, stored)
        return stored

    def _finish_turn(self) -> None:
        self._armed = False
        self.commit()

    def _deliver(self, senders: list[_Sender], stored: list[Stored]) -> None:
        """Give each channel its messages of this turn, in their order, as one piece."""
        news: dict[Channel, list[MessageEvent]] = {}
        for (_, _, channel), result in zip(senders, stored, strict=True):
            if not result.duplicate:
                news.setdefault(channel, []).append(result.message)
        for channel, messages in news.items():
            channel.audience.deliver(messages, self._surroundings, at_once=len(news) == 1)


def _acknowledge(senders: list[_Sender], stored: list[Stored]) -> None:
    for (session, id, channel), result in zip(senders, stored, strict=True):
        if session is not None and id is not None:
            message = result.message
            session.send(MessageAck(channel.name, message.seq, message.ts, result.duplicate, id=id))


def _refuse(senders: list[_Sender], error: ChatError) -> None:
    for session, id, _ in senders:
        if session is not None:
            session.refuse(error, id)
