"""Who may use the server API: whoever has the key.

It is compared by its hash, in constant time: neither a beginning that is right nor a length that is right can be told
from the time that a refusal takes, and no key at all takes as long. An address that tries too many wrong ones has to
wait, as with tokens; a right one is not looked at meanwhile, or guessing would go on.

Read next: `service.py`, which asks; `access/authority.py`, which counts.
"""

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from wsserver.access.authority import BadTokens
from wsserver.api.answers import ApiError
from wsserver.chat.router import find_token
from wsserver.http.request import Request

WAIT_S: Final = 60
"""What somebody is told to wait who showed too many wrong keys: they are counted by the minute."""

CHALLENGE: Final = ("WWW-Authenticate", "Bearer")
"""RFC 6750 section 3."""


class ApiKey:
    """The key of one server."""

    def __init__(
        self,
        key: str,
        bad_keys: BadTokens,
        monotonic: Callable[[], float],
        on_bad: Callable[[str, str], None] = lambda _address, _reason: None,
    ) -> None:
        """`on_bad(address, reason)` is told of every wrong key that was looked at."""
        self._digest = sha256(key.encode()).digest()
        self._bad_keys = bad_keys
        self._monotonic = monotonic
        self._on_bad = on_bad

    def judge(self, request: Request, address: str) -> None:
        """Let a request with the key pass. Raises ApiError 401 or 429, and RequestError 400 for a key in the URL."""
        now = self._monotonic()
        if self._bad_keys.is_over(address, now):
            raise too_many("keys")
        token = find_token(request)
        given = (token or "").encode("latin-1")  # as it came
        if compare_digest(sha256(given).digest(), self._digest):
            return
        if token is None:
            raise ApiError(401, "Show the key: Authorization: Bearer KEY.", headers=(CHALLENGE,))
        self._bad_keys.note(address, now)
        self._on_bad(address, "this is not the key of the API")
        raise ApiError(401, "This is not the key.", headers=(CHALLENGE,))


def too_many(what: str) -> ApiError:
    """Return the refusal of somebody who showed too many wrong keys, or whatever it was."""
    sentence = f"Too many wrong {what} from your address; wait a minute."
    return ApiError(429, sentence, headers=(("Retry-After", str(WAIT_S)),))
