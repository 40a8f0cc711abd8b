"""What is demanded of the reader of tokens, whatever its key has signed and whatever it has not."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from wsserver.access.tokens import Verifier, secret_key
from wsserver.chat.authority import BadToken

SECRET = "a secret of thirty-two characters"
AUDIENCE = "chat.example"
NOW_S = 1_700_000_000
VERIFIERS = (Verifier(secret_key(SECRET)), Verifier(secret_key(SECRET), AUDIENCE))


def token(data: bytes) -> None:
    """Two lines are a header and claims, which are signed here; else it is a token as it came.

    What is let in was signed with the key, by HS256, and its claims say so when they are read by another reader.
    """
    header, newline, claims = data.partition(b"\n")
    said = _sign(header, claims) if newline else data.decode("latin-1")
    for verifier, audience in zip(VERIFIERS, ("", AUDIENCE), strict=True):
        try:
            grant = verifier.verify(said, NOW_S * 1000)
        except BadToken as refusal:
            assert len(refusal.reason.encode()) <= 123 and refusal.reason.isascii()
            continue
        head, body = map(_decode, said.split(".")[:2])
        assert hmac.compare_digest(_signature(said.rpartition(".")[0]), _raw(said.rpartition(".")[2]))
        assert head["alg"] == "HS256" and "crit" not in head
        assert grant.user == body["sub"] and body["exp"] > NOW_S and body.get("nbf", 0) <= NOW_S + 5
        named = body.get("aud", [])
        assert audience in ([named] if isinstance(named, str) else named) if audience else "aud" not in body
        assert grant.expires_ms > NOW_S * 1000 and grant.channels == (
            tuple(body["channels"]) if "channels" in body else None
        )


def _sign(header: bytes, claims: bytes) -> str:
    signed = f"{_plain(header)}.{_plain(claims)}"
    return f"{signed}.{_plain(_signature(signed))}"


def _signature(signed: str) -> bytes:
    return hmac.new(SECRET.encode(), signed.encode(), sha256).digest()


def _plain(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decode(text: str) -> dict[str, Any]:
    value = json.loads(_raw(text).decode("utf-8", "replace"))  # in a claim that nobody reads it may be anything
    assert isinstance(value, dict)
    return value
