"""What can be said about tokens without a library for them: what a secret must be like, and which library is missing.

One rule for the settings, the server and the minter. Read next: `tokens.py`.
"""

from typing import Final

SECRET_BYTES: Final = 32
"""RFC 7518 section 3.2: a key for HS256 is at least as long as its hash. Shorter ones are found by trying."""

API_KEY_CHARS: Final = 16
"""A key of the API with fewer characters can be guessed, even at five tries a minute from each address."""

MISSING_LIBRARY: Final = "tokens need a library that is not installed: pip install 'wsserver[auth]'"
"""What a person is told where PyJWT, or what it checks public keys with, cannot be imported."""


def secret_fault(secret: str) -> str | None:
    """Return what is wrong with a secret, as the end of a sentence that does not show it; None when it is good."""
    size = len(secret.encode())
    if size < SECRET_BYTES:
        return f"has {size} bytes and needs at least {SECRET_BYTES}, such as `openssl rand -hex {SECRET_BYTES}` writes"
    if "-----BEGIN" in secret:
        return "is a PEM text; a public key belongs into a file that auth.public_key names"
    return None
