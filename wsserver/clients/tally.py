"""What has become of the clients of one server: how their conversations ended, who was refused, what they said.

It is added to once for each client, never for a message: those who are here carry their own counts.

Read next: `registry.py`, which counts who has gone; `observe/metrics.py`, which adds those who are here.
"""

from collections import Counter
from typing import Final

from wsserver.websocket.codes import CLOSE_CODES

OTHER: Final = 0
"""Stands for all close codes without a name: a client may make up any from 3000 to 4999, and each would be a label."""


class Tally:
    """Counts since the start."""

    __slots__ = ("closes", "handed_off", "messages_in", "messages_out", "received", "refusals", "sent")

    def __init__(self) -> None:
        self.closes: Counter[int] = Counter()  # conversations by the code of the first Close; 1006: without one
        self.refusals: Counter[int] = Counter()  # connections and upgrades that got an HTTP error, by its status
        self.handed_off = 0  # clients that another process of this server has taken
        self.messages_in = 0  # these four: of clients that have gone
        self.messages_out = 0
        self.received = 0  # bytes
        self.sent = 0

    def note_close(self, code: int) -> None:
        """A conversation is over."""
        self.closes[code if code in CLOSE_CODES else OTHER] += 1

    def note_refusal(self, status: int) -> None:
        """Somebody was told that it will not be, with an HTTP error."""
        self.refusals[status] += 1

    def note_gone(self, messages_in: int, messages_out: int, received: int, sent: int) -> None:
        """A client has gone, after so many messages and bytes."""
        self.messages_in += messages_in
        self.messages_out += messages_out
        self.received += received
        self.sent += sent
