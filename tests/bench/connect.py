"""What it costs the interpreter to let a client in, step by step, in microseconds: a whole server, but no kernel.

    python tests/bench/connect.py                 the table of docs/lab/connect.md
    python tests/bench/connect.py OTHER_TREE      the same for another checkout, to compare

Thousands of clients come in one after the other and stay, so objects are new and caches as cold as in a server that
fills. Sockets and poller are stand-ins that do nothing: what the kernel takes comes on top. The median is told.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

TOP: Final = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
sys.path.insert(0, str(TOP))

from wsserver.config import from_assignment, load  # noqa: E402
from wsserver.net.files import Directory  # noqa: E402
from wsserver.reactor.poller import READ  # noqa: E402
from wsserver.reactor.world import World  # noqa: E402
from wsserver.server import Server, find_static  # noqa: E402

CLIENTS: Final = 4000
CHANNELS: Final = 100
KEY: Final = b"\x12\x9a\x5c\xe7"
HEAD: Final = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
BROWSER: Final = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0\r\n"
    "Pragma: no-cache\r\nCache-Control: no-cache\r\nOrigin: http://127.0.0.1:8080\r\n"
    "Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
)


class Sock:
    """A socket that takes everything at once, and gives what it was told to."""

    family = 2

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.input = b""

    def fileno(self) -> int:
        return self.fd

    def send(self, data: bytes, _flags: int = 0) -> int:
        return len(data)

    def recv(self, _size: int) -> bytes:
        return self.input

    def setsockopt(self, *_: int) -> None:
        pass

    def close(self) -> None:
        pass


class Script:
    """A poller that reports what it is told to."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []

    def register(self, fd: int, interest: int) -> None:
        pass

    modify = register

    def unregister(self, fd: int) -> None:
        pass

    def poll(self, _timeout_s: float | None) -> list[tuple[int, int]]:
        return self.events

    def close(self) -> None:
        pass


class ScriptedWorld(World):
    """The real one but for its pollers."""

    script: Script

    def open_poller(self, name: str) -> Any:
        self.script = Script()
        return self.script


def measure(path: str, more: str, joins: bool) -> dict[str, float]:
    """Let CLIENTS in; return the microseconds of each step."""
    world = ScriptedWorld()
    settings = [from_assignment(text) for text in ("limits.rate=0", "store.url=memory:", "limits.connections=100000")]
    server = Server(load(flags=settings), world, Directory(find_static("")))
    spent: dict[str, list[float]] = {}

    def step(name: str, call: Callable[[], object]) -> None:
        began = time.perf_counter()
        call()
        spent.setdefault(name, []).append((time.perf_counter() - began) * 1e6)

    for number in range(CLIENTS):
        sock: Any = Sock(1_000_000 + number)
        world.script.events = []
        step("admit", lambda sock=sock: server.registry.admit(sock, "127.0.0.1:50000"))  # type: ignore[misc]
        world.script.events = [(sock.fd, READ)]
        sock.input = HEAD.format(path=path, more=more).encode()
        step("upgrade", server.reactor.run_once)
        if joins:
            sock.input = frame(b'{"type":"join","channel":"c%d","user":"u%d"}' % (number % CHANNELS, number))
            step("join", server.reactor.run_once)
    return {name: median(each[CLIENTS // 4 :]) for name, each in spent.items()}


def frame(text: bytes) -> bytes:
    """Return a short masked text frame."""
    return bytes((0x81, 0x80 | len(text))) + KEY + bytes(byte ^ KEY[i % 4] for i, byte in enumerate(text))


def main() -> None:
    for title, path, more, joins in (
        ("/echo, a plain client", "/echo", "", False),
        ("/echo, a browser", "/echo", BROWSER, False),
        ("/chat, and join", "/chat", "", True),
    ):
        found = measure(path, more, joins)
        steps = "  ".join(f"{name} {spent:5.1f}" for name, spent in found.items())
        print(f"{title:24} {steps}  together {sum(found.values()):5.1f} us")


if __name__ == "__main__":
    main()
