"""How large a request may be. Each limit is judged before the memory is spent.

Read next: `head.py` and `chunked.py`, which judge.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Sizes in bytes, line ends not counted for lines, counted for the head."""

    request_line: int = 8192
    """414 above. RFC 9112 section 3 recommends to support at least 8000; nginx and Apache stop at about 8 KiB."""
    header_line: int = 8192
    """431 above. The same figure as nginx (large_client_header_buffers) and `websockets`."""
    head: int = 16384
    """431 above: request line, header lines and the empty line together. h11 has the same figure."""
    headers: int = 100
    """431 above, judged before one of them is joined with another. HAProxy allows 101."""
    body: int = 65536
    """413 above, judged on the header or the chunk size alone. Centrifugo allows the same for its API."""


DEFAULT_LIMITS: Final = RequestLimits()
