"""What it costs the interpreter that thousands of clients are there and silent: a whole server, but no kernel.

    python tests/bench/idle.py                 the table of docs/lab/idle.md
    python tests/bench/idle.py OTHER_TREE      the same for another checkout, to compare

15,000 clients come within a second and a half, and answer every ping at once. Sockets, poller and clock are stand-ins:
the clock stands still while the server works, and jumps to the next timer when it sleeps. The kernel's part comes on
top.
"""

import time
from typing import Any, Final

from connect import HEAD, ScriptedWorld, Sock, frame

from wsserver.config import from_assignment, load
from wsserver.net.files import Directory
from wsserver.reactor.poller import READ
from wsserver.server import Server, find_static

CLIENTS: Final = 15_000
CHANNELS: Final = 100
COMING_S: Final = 1.5
SETTLED_S: Final = 60.0
MEASURED_S: Final = 100.0
"""Four times the interval between pings."""

PING: Final = b"\x89\x00"
PONG: Final = b"\x8a\x80\x12\x9a\x5c\xe7"


class Client(Sock):
    """A socket whose other end answers pings."""

    def __init__(self, fd: int, world: "World") -> None:
        super().__init__(fd)
        self.world = world

    def send(self, data: bytes, _flags: int = 0) -> int:
        if data == PING:
            self.input = PONG
            self.world.pings += 1
            self.world.script.events.append((self.fd, READ))
        return len(data)


class World(ScriptedWorld):
    """Time passes while the server sleeps, and only then."""

    now = 1000.0
    pings = 0

    def monotonic(self) -> float:
        return self.now

    def open_poller(self, name: str) -> Any:
        script = super().open_poller(name)
        script.poll = self.sleep
        return script

    def sleep(self, timeout_s: float | None) -> list[tuple[int, int]]:
        events, self.script.events = self.script.events, []
        if not events:
            self.now += timeout_s or 0.0
        return events


def main() -> None:
    world = World()
    settings = [from_assignment(text) for text in ("limits.rate=0", "store.url=memory:", "limits.connections=100000")]
    server = Server(load(flags=settings), world, Directory(find_static("")))
    for number in range(CLIENTS):
        sock: Any = Client(1_000_000 + number, world)
        server.registry.admit(sock, "127.0.0.1:50000")
        join = frame(b'{"type":"join","channel":"c%d","user":"u%d"}' % (number % CHANNELS, number))
        for sock.input in (HEAD.format(path="/chat", more="").encode(), join):
            world.script.events = [(sock.fd, READ)]
            server.reactor.run_once()
        world.now += COMING_S / CLIENTS
    until = world.now + SETTLED_S
    while world.now < until:
        server.reactor.run_once()
    began, turns, pings, until = time.process_time(), server.reactor.turns, world.pings, world.now + MEASURED_S
    while world.now < until:
        server.reactor.run_once()
    spent_s, pings = time.process_time() - began, world.pings - pings
    print(f"{pings} pings, {spent_s / pings * 1e6:.1f} us and {(server.reactor.turns - turns) / pings:.2f} turns each")
    assert len(server.registry.clients) == CLIENTS


if __name__ == "__main__":
    main()
