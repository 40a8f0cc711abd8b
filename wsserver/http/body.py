"""What every kind of request body has in common, and the kind that says its length beforehand.

Read next: `chunked.py` for the other kind.
"""

from typing import Protocol

from wsserver.http.intake import Intake


class Body(Protocol):
    """A body that is being received."""

    @property
    def size(self) -> int:
        """Bytes held outside the intake."""

    def read(self, intake: Intake) -> bytes | None:
        """Take what has come; return the body once it is complete. Raises RequestError."""


class SizedBody:
    """A body whose length was announced: it stays in the intake until it is complete, so it is never held twice."""

    __slots__ = ("_length",)

    size = 0

    def __init__(self, length: int) -> None:
        self._length = length

    def read(self, intake: Intake) -> bytes | None:
        """Return the body once all of it is here."""
        if not self._length:
            return b""
        return intake.take(self._length) if len(intake) >= self._length else None
