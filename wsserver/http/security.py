"""What browsers are told about our answers, so that a mistake in a page does not become a way in.

| header                                  | keeps out                                                                |
|-----------------------------------------|--------------------------------------------------------------------------|
| `X-Content-Type-Options` (every answer) | text that a browser takes for a script                                   |
| `Content-Security-Policy`               | inline and foreign code, foreign connections, frames, DOM injection      |
| `Referrer-Policy`                       | addresses of ours in other sites' logs                                   |
| `Cross-Origin-*-Policy`                 | other sites' windows and pages that hold or embed ours                   |
| `Permissions-Policy`                    | code of ours that asks for more than a chat needs                        |

Read next: `static.py`.
"""

from typing import Final

HeaderList = tuple[tuple[str, str], ...]

NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")

DATA_HEADERS: Final[HeaderList] = (("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),)
"""For answers that are no pages: errors and JSON. Opened as a page, they may do nothing."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src %s; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

_PAGE_HEADERS: Final[HeaderList] = (
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
)


def page_headers(host: str | None) -> HeaderList:
    """Return the headers for a page or a file of one. `host` is the request's Host header, which the parser has judged.

    By the letter of the standard `'self'` covers WebSockets of the same host; Safari before 15.4 wants them named. An
    IPv6 address cannot be named in a policy.
    """
    connect = "'self'"
    if host and not host.startswith("["):
        connect = f"'self' ws://{host} wss://{host}"
    return (("Content-Security-Policy", _POLICY % connect), *_PAGE_HEADERS)
