"""Where the database is, as libpq wants to hear it: with the addresses of its hosts, and with our habits.

libpq looks host names up by itself, and would make everybody wait for it (PQconnectPoll "may block" there). So they are
looked up before, in a thread, and libpq gets name and address: the name is still what a certificate is judged by.

Read next: `postgres_link.py`.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from psycopg import OperationalError, pq

from wsserver.chat.log import StoreUnavailable

EXPECTED: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

HABITS: Final = {
    "fallback_application_name": "wsserver",
    "client_encoding": "UTF8",
    "target_session_attrs": "read-write",  # of several hosts, the one that is no standby
    "gssencmode": "disable",  # Kerberos libraries ask their servers in their own time, in our thread
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",  # ms; both find within 25 s that a host lost its power, if nothing was asked meanwhile
}
"""What holds unless the URL says otherwise."""

Resolve = Callable[[str, int], list[tuple[int, tuple[str | int, ...]]]]


class Conninfo:
    """A connection string in parts. It holds the password, so nothing here is for the log but `place`."""

    def __init__(self, url: str) -> None:
        """Raises StoreUnavailable; libpq's own words might hold a piece of the password, so they are not repeated."""
        try:
            options = pq.Conninfo.parse(url.encode())
        except (OperationalError, UnicodeEncodeError):
            raise StoreUnavailable(f"libpq cannot read the store's URL; expected {EXPECTED}?OPTION=VALUE") from None
        given = {option.keyword.decode(): option.val.decode() for option in options if option.val}
        self._parts = {**HABITS, **given}
        self.place = f"{given.get('host') or given.get('hostaddr') or 'local'}/{given.get('dbname', '')}"

    @property
    def needs_resolving(self) -> bool:
        """Whether there is a host whose address has to be asked for."""
        return "hostaddr" not in self._parts and any(_is_name(host) for host in self._hosts())

    def render(self, **more: str) -> bytes:
        """Return the string."""
        return _render({**self._parts, **more})

    def resolve(self, resolve: Resolve) -> bytes:
        """Return the string with an address for each host, as often as it has addresses. Blocks. Raises OSError."""
        hosts = self._hosts()
        ports = self._parts.get("port", "").split(",")
        ports = ports * len(hosts) if len(ports) == 1 else ports
        places: list[tuple[str, str, str]] = []
        failed: OSError | None = None
        for host, port in zip(hosts, ports, strict=False):
            if not _is_name(host):
                places.append((host, "" if host.startswith(("/", "@")) else host, port))
                continue
            try:
                places += [(host, str(address[0]), port) for _, address in resolve(host, int(port or 5432))]
            except OSError as error:  # the others may be found
                failed = error
        if not places and failed is not None:
            raise failed
        names, addresses, numbers = (",".join(column) for column in zip(*places, strict=True))
        return _render({**self._parts, "host": names, "hostaddr": addresses, "port": numbers})

    def _hosts(self) -> list[str]:
        return self._parts["host"].split(",") if "host" in self._parts else []


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):  # the folder of a Unix socket, or an abstract one
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _render(parts: dict[str, str]) -> bytes:
    def quote(value: str) -> str:
        return value.replace("\\", "\\\\").replace("'", "\\'")

    return " ".join(f"{keyword}='{quote(value)}'" for keyword, value in parts.items()).encode()
