"""What `--broker` may say: whether there are other nodes, and where the Redis between them is.

    local:
    redis://[user:password@]host[:port][/db][?prefix=NAME]      rediss:// is the same inside TLS
    redis+unix:/path/to/socket[?db=0][&prefix=NAME]

A password never comes back out: `where` is for people and for logs.

Read next: `redis_dial.py`, which goes there.
"""

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

LOCAL: Final = "local"
REDIS: Final = "redis"

PORT: Final = 6379
PREFIX: Final = "wsserver"
"""In front of every key and channel name: several chats may share one Redis. Its numbered databases keep keys apart,
but not pub-sub, so they are not enough."""

EXPECTED: Final = (
    "local: or redis://[user:password@]host[:port][/db][?prefix=NAME]; rediss:// with TLS; redis+unix:/path"
)


class Address(Struct, frozen=True):
    """Where a Redis is, and what it wants to hear. `path` is that of a Unix socket; else `host` and `port` count."""

    kind: str
    host: str = ""
    port: int = PORT
    path: str = ""
    tls: bool = False
    user: str = ""
    password: str = ""
    database: int = 0
    prefix: str = PREFIX

    @property
    def where(self) -> str:
        """Return it for people: no secret is in it."""
        if self.kind == LOCAL:
            return "local:"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"


def parse_address(url: str) -> Address:
    """Return what `url` names. Raises ValueError, whose sentence holds nothing of the URL but names of options."""
    if url == "local:":
        return Address(LOCAL)
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        raise ValueError(f"expected {EXPECTED}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"prefix", "db"})
    if unknown:
        raise ValueError(f"no option of a Redis address is called '{unknown[0]}'; there are prefix and db")
    prefix = options.get("prefix", PREFIX)
    if not prefix or len(prefix) > 64 or not prefix.isprintable() or set(prefix) & set("{} *?[]"):
        raise ValueError("prefix has 1 to 64 characters, without spaces, braces, brackets, * and ?")
    if parts.scheme in ("unix", "redis+unix") and parts.path.startswith("/") and not parts.netloc:
        database = _database(options.get("db", "0"))
        return Address(REDIS, path=unquote(parts.path), database=database, prefix=prefix)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.fragment:
        raise ValueError(f"expected {EXPECTED}")
    return Address(
        REDIS,
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "rediss",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=_database(options.get("db") or parts.path.strip("/") or "0"),
        prefix=prefix,
    )


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError("the database of a Redis is a number, such as /0")
    return int(text)
