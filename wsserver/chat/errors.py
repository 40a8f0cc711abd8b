"""What a client may be told when something cannot be done: the closed list of codes, and the exception with one.

An error is an answer, not an accident: it keeps the connection open. This file closes nothing; how many bad messages in
a row are too many is for `router.py` to say.

Read next: `vocabulary.py`, whose `Error` event is what goes out.
"""

from typing import Final

RETRY: Final[dict[str, bool]] = {
    "bad_json": False,
    "bad_message": False,
    "unknown_type": False,
    "not_joined": False,
    "bad_channel": False,
    "too_many_channels": False,
    "no_such_user": False,
    "unknown_method": False,
    "name_taken": False,
    "forbidden": False,
    "auth_required": False,
    "rate_limited": True,
    "too_large": False,
    "store_unavailable": True,
    "broker_unavailable": True,
    "internal": False,
}
"""Every code there is, and whether the same message may succeed later (`docs/protocol.md`, error codes)."""

COUNTED: Final = frozenset({"bad_json", "bad_message"})
"""The codes that say the client speaks another language; five in a row end the conversation."""


class ChatError(Exception):
    """Raised by whoever finds that a command cannot be carried out; caught in one place, `ChatRouter`.

    `code` is a key of RETRY; `message` is a sentence that a person can act on; `id` is the command's, where the raiser
    knows it (else the router fills it in); `retry` tells whether trying again makes sense, by default what RETRY says.
    """

    def __init__(self, code: str, message: str, id: str | int | None = None, retry: bool | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.id = id
        self.retry = RETRY[code] if retry is None else retry
