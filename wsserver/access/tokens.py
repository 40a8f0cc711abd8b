"""Tokens: JSON Web Tokens (RFC 7519) that say who somebody is, signed by somebody whom the operator trusts.

    header . claims . signature        `sub` the user, `exp` until when, optionally `nbf`, `aud`, `channels`

The key decides the algorithm, never the token (RFC 8725 section 3.1): HS256 for a secret, RS256 or ES256 for a public
key. Of the header only `alg` is looked at, which must be that one, and `crit`, which must not be there; so `kid`, `jku`
and `jwk` lead nowhere. PyJWT judges the signature and nothing else. The claims are read after that, and strictly: no
claim is used that was not signed. Claims that are not listed here are ignored.

It reads no clock: `now_ms` is an argument. Read next: `authority.py`, which counts the bad ones.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Annotated, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import InvalidTokenError, PyJWS
from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType, json

from wsserver.access.secret import secret_fault
from wsserver.chat.authority import BadToken, Grant
from wsserver.chat.names import name_fault, pattern_fault

TOKEN_CHARS: Final = 4096
"""The longest token that is looked at: what a client may send before it is known (`chat/gate.py`)."""

RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

NOT_BEFORE_LEEWAY_S: Final = 5
"""How far the clock of the signer may be ahead of ours. `exp` has no leeway: whoever signs may choose a later one."""

PATTERNS: Final = 100
"""Patterns in one token: more than fit into TOKEN_CHARS would be of no use, and each costs a comparison a join."""

_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NOT_GOOD: Final = "the token is not good"


class _Header(Struct):
    alg: str
    crit: Any = UNSET


class _Claims(Struct, omit_defaults=True):
    sub: str
    exp: Annotated[float, Meta(gt=0, lt=2**53)]
    nbf: Annotated[float, Meta(ge=0, lt=2**53)] | UnsetType = UNSET
    aud: str | list[str] | UnsetType = UNSET
    channels: Annotated[list[str], Meta(max_length=PATTERNS)] | UnsetType = UNSET


_decode_header: Final = json.Decoder(_Header).decode
_decode_claims: Final = json.Decoder(_Claims).decode


class BadKey(ValueError):
    """A key that nobody should rely on; its text ends a sentence that begins with the name of the setting."""


class Key:
    """What signatures are checked with, and the one algorithm that goes with it."""

    __slots__ = ("algorithm", "material")

    def __init__(self, algorithm: str, material: Any) -> None:
        self.algorithm = algorithm  # RFC 7518 section 3.1: HS256, RS256 or ES256
        self.material = material  # what PyJWT takes for it


def secret_key(secret: str) -> Key:
    """Return the key for HS256; raise BadKey for a secret that is none."""
    fault = secret_fault(secret)
    if fault:
        raise BadKey(fault)
    return Key("HS256", secret.encode())


def public_key(pem: bytes) -> Key:
    """Return the key for RS256 or ES256, whichever the PEM text is made for; raise BadKey for any other."""
    if b"PRIVATE KEY" in pem:
        raise BadKey("holds a private key; give the server the public one and keep that elsewhere")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("is not a public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    if isinstance(key, RSAPublicKey):
        if key.key_size < RSA_BITS:
            raise BadKey(f"is an RSA key of {key.key_size} bits; RS256 needs at least {RSA_BITS}")
        return Key("RS256", key)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return Key("ES256", key)
    raise BadKey("is neither an RSA key (RS256) nor one on the curve P-256 (ES256)")


class Verifier:
    """Reads tokens that were signed for one key, and for `audience` (empty: for nobody in particular)."""

    def __init__(self, key: Key, audience: str = "") -> None:
        self._key = key
        self._audience = audience
        self._jws = PyJWS(algorithms=[key.algorithm])

    def verify(self, token: str, now_ms: int) -> Grant:
        """Return what the token grants at `now_ms` (milliseconds since 1970). Raises BadToken.

        What was not signed gets no reason beyond "not good": it is nobody's business which part of a forgery failed.
        """
        claims = self._read(token)
        self._judge_times(claims, now_ms)
        self._judge_audience(claims)
        if name_fault(claims.sub):
            raise BadToken("the token's sub is no good user name")
        if claims.channels is UNSET:
            return Grant(claims.sub, int(claims.exp * 1000))
        if any(map(pattern_fault, claims.channels)):
            raise BadToken("the token's channels are no good patterns")
        return Grant(claims.sub, int(claims.exp * 1000), tuple(claims.channels))

    def _read(self, token: str) -> _Claims:
        shape = _SHAPE.fullmatch(token) if len(token) <= TOKEN_CHARS else None
        if shape is None:
            raise BadToken(_NOT_GOOD)
        try:
            header = _decode_header(_from_base64(shape[1]))
            if header.alg != self._key.algorithm or header.crit is not UNSET:
                raise BadToken(_NOT_GOOD)
            payload = self._jws.decode(token, self._key.material, algorithms=[self._key.algorithm])
        except (InvalidTokenError, DecodeError, ValueError, RecursionError):
            raise BadToken(_NOT_GOOD) from None
        try:
            return _decode_claims(payload)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            raise BadToken("the token's claims are missing or of the wrong kind") from None

    def _judge_times(self, claims: _Claims, now_ms: int) -> None:
        if now_ms >= claims.exp * 1000:
            raise BadToken("the token has expired")
        if claims.nbf is not UNSET and now_ms < (claims.nbf - NOT_BEFORE_LEEWAY_S) * 1000:
            raise BadToken("the token is not valid yet")

    def _judge_audience(self, claims: _Claims) -> None:
        """RFC 7519 section 4.1.3: a token for others is refused, also by somebody who has no name."""
        if claims.aud is UNSET:
            ours = not self._audience
        else:
            named = [claims.aud] if isinstance(claims.aud, str) else claims.aud
            ours = bool(self._audience) and self._audience in named
        if not ours:
            raise BadToken("the token is for another audience")


def _from_base64(text: str) -> bytes:
    """Undo base64url without padding (RFC 7515 section 2). Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mint(secret: str, user: str, expires_s: int, channels: Sequence[str] = (), audience: str = "") -> str:
    """Return a token for HS256 that is good until `expires_s` (seconds since 1970). Raises BadKey."""
    key = secret_key(secret)
    claims = _Claims(user, expires_s, UNSET, audience or UNSET, list(channels) or UNSET)
    return PyJWS().encode(json.encode(claims), key.material, key.algorithm, headers={"typ": "JWT"})
