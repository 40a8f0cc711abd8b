"""What waits for one part of the log: the batch that gathers, and the one that is on its way.

At most one batch is on its way; what is said meanwhile gathers in the next, up to a bound. It delivers nothing and
answers nobody: `batch.py` does.

    gather ... gather --take--> append --> answered at once
                                      \\-> out ... answered later; `take` again

Read next: `batch.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from wsserver.chat.company import Company
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Done, Log, Outcome, Publication, StoreUnavailable
from wsserver.chat.vocabulary import Event
from wsserver.clients.router import Timer

if TYPE_CHECKING:
    from wsserver.chat.channels import Channel

BATCH_LIMIT: Final = 1000
"""Messages that the log is given at once: bounds how long it works, and how long their delivery takes, in one piece."""

PENDING_LIMIT: Final = 10_000
"""Messages that wait while a batch is out: a second and a half of a busy server. A disk that is slower is not there."""

PENDING_BYTES: Final = 16 * 1024 * 1024
"""What they may take."""

MESSAGE_BYTES: Final = 200
"""What a message takes besides its text."""

WIDEST: Final = 4
"""Bytes of a character, at most, in a text that is not all ASCII."""


class Sender(Protocol):
    """Who is answered: a session, or whoever publishes as the server."""

    pending: int

    def send(self, event: Event) -> None:
        """Hear that the log has it."""

    def refuse(self, error: ChatError, id: str | int | None) -> None:
        """Hear that it has it not."""


def not_stored(why: StoreUnavailable) -> ChatError:
    """Return what whoever said something is told when it is not in the log."""
    return ChatError("store_unavailable", f"The message could not be stored: {why.told}. Try again.")


Origin = tuple[Sender, str | int | None, "Channel"]


class Lane:
    """One part of the log and what waits for it. `origins[i]` said `publications[i]`."""

    __slots__ = (
        "armed", "arrive", "bytes", "company", "end_wait", "finish_turn", "log", "origins", "out", "overdue",
        "publications", "refusal", "timer", "ts",
    )  # fmt: skip

    def __init__(
        self,
        log: Log,
        arrive: Callable[["Lane", Outcome], None],
        finish_turn: Callable[["Lane"], None],
        end_wait: Callable[["Lane"], None],
        gather_s: float = 0.0,
    ) -> None:
        """`arrive(lane, outcome)`: the log has answered later. `finish_turn(lane)`: the end of a turn has come.
        `end_wait(lane)`: it has waited for long enough.

        `gather_s`: for how long messages may wait for company.
        """
        # configuration
        self.log = log
        self.arrive: Done = partial(arrive, self)  # made once, not for each batch
        self.finish_turn = partial(finish_turn, self)
        self.end_wait = partial(end_wait, self)
        # state
        self.publications: list[Publication] = []
        self.origins: list[Origin] = []
        self.bytes = 0  # what the texts take that gathered while a batch was out
        self.ts = 0  # of the batch that gathers
        self.armed = False  # the end of this turn, or a timer, is going to commit
        self.company = Company(gather_s)
        self.timer: Timer | None = None  # while what gathers waits for company
        self.out: list[Origin] | None = None  # whose messages are on their way
        self.overdue: Callable[[], None] = _nobody  # told of each batch that goes out
        self.refusal: StoreUnavailable | None = None  # why nothing gathers behind that

    def call_off_wait(self) -> None:
        """Wait for company no longer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def judge_room(self, text: str) -> None:
        """Count `text` among what waits for a batch that is out.

        Raises ChatError when there is no room for it, or the log is in trouble.
        """
        if self.refusal is not None:
            raise not_stored(self.refusal)
        size = MESSAGE_BYTES + len(text) * (1 if text.isascii() else WIDEST)  # `_size`, written out
        if len(self.publications) >= PENDING_LIMIT or self.bytes + size > PENDING_BYTES:
            raise ChatError("store_unavailable", "The store is too slow; too much waits for it. Try again.")
        self.bytes += size

    def drop(self) -> list[Origin]:
        """Remove all that gathers; return whose it was."""
        origins, self.publications, self.origins, self.bytes = self.origins, [], [], 0
        return origins

    def take(self) -> tuple[list[Publication], list[Origin]]:
        """Remove and return the next batch."""
        publications, origins = self.publications, self.origins
        if len(publications) <= BATCH_LIMIT:
            self.publications, self.origins, self.bytes = [], [], 0
            return publications, origins
        self.publications, self.origins = publications[BATCH_LIMIT:], origins[BATCH_LIMIT:]
        # More than one batch gathers only while another is out, so all of them were counted.
        self.bytes -= sum(_size(publication.text) for publication in publications[:BATCH_LIMIT])
        return publications[:BATCH_LIMIT], origins[:BATCH_LIMIT]


def _size(text: str) -> int:
    return MESSAGE_BYTES + len(text) * (1 if text.isascii() else WIDEST)


def _nobody() -> None:
    """Where nobody wants to know."""
