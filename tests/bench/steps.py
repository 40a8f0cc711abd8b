"""What one chat message to a thousand members costs, step by step, in nanoseconds of CPU.

    python tests/bench/steps.py                  the table of docs/lab/delivered-message.md

Each step is the product's own code, called alone and often on real sockets of this machine, so what is between the
steps (calls, caches that went cold) is missing: compare the sum with what `make bench` says of the whole. A child
process reads what is sent. The least of many rounds is told, since noise only adds.
"""

import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from wsserver.chat.codec_json import JsonCodec  # noqa: E402
from wsserver.chat.log import Publication  # noqa: E402
from wsserver.chat.vocabulary import MessageAck, MessageEvent  # noqa: E402
from wsserver.clients.limits import Meter, Rate  # noqa: E402
from wsserver.net.crowd import send_to_crowd  # noqa: E402
from wsserver.reactor.loop import Reactor  # noqa: E402
from wsserver.reactor.offload import Offload  # noqa: E402
from wsserver.reactor.world import World  # noqa: E402
from wsserver.stores.engine import ReactorEngine  # noqa: E402
from wsserver.stores.memory import MemoryStore  # noqa: E402
from wsserver.stores.sqlite import SqliteStore  # noqa: E402
from wsserver.websocket.codes import TEXT  # noqa: E402
from wsserver.websocket.frames import encode_frame  # noqa: E402
from wsserver.websocket.masking import unmask  # noqa: E402
from wsserver.websocket.parser import FrameParser  # noqa: E402
from wsserver.websocket.prepared import PreparedMessage  # noqa: E402

MEMBERS: Final = 1000
ROUNDS: Final = 15
COMMAND: Final = b'{"type":"message","channel":"c0","text":"' + b"x" * 40 + b'","id":"17"}'
KEY: Final = b"\x12\x9a\x5c\xe7"
CLIENT_FRAME: Final = bytes((0x81, 0x80 | len(COMMAND))) + KEY + unmask(COMMAND, KEY)


def cost(step: Callable[[], object], calls: int) -> float:
    """Return nanoseconds of CPU of one call: the least of ROUNDS rounds of so many calls."""
    least = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time_ns()
        for _ in range(calls):
            step()
        least = min(least, (time.thread_time_ns() - started) / calls)
    return least


def connect(count: int) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the two ends of so many connections over loopback."""
    ours, theirs = [], []
    with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:
        for _ in range(count):
            theirs.append(socket.create_connection(listener.getsockname()))
            ours.append(listener.accept()[0])
            ours[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ours[-1].setblocking(False)
    return ours, theirs


def read_everything(sockets: list[socket.socket]) -> None:
    """Be the members: read until the last connection ends."""
    poller = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    while by_fd:
        for fd, _ in poller.poll():
            if not by_fd[fd].recv(1 << 16):
                poller.unregister(fd)
                del by_fd[fd]
    os._exit(0)


def measure_input() -> dict[str, float]:
    """What a message costs until it waits for the end of the turn."""
    ours, theirs = socket.socketpair()
    poller = select.epoll()
    poller.register(ours.fileno(), select.EPOLLIN)
    parser, codec = FrameParser(1 << 16, 1024), JsonCodec()
    meter = Meter(Rate(1e9, 1e9))

    def receive() -> None:
        theirs.send(CLIENT_FRAME)
        poller.poll(0)
        ours.recv(1 << 16)

    return {
        "poll and read it (the writing of the test included)": cost(receive, 2000),
        "take the frame apart, unmask": cost(lambda: parser.feed(CLIENT_FRAME), 5000),
        "judge the rate": cost(lambda: meter.judge(1.0), 5000),
        "decode and check the command": cost(lambda: codec.decode(COMMAND), 5000),
    }


class Quiet:
    """Hears of no trouble, since there is none."""

    def trouble(self, sentence: str) -> None:
        """Fail: what would be measured is not the store at work."""
        raise AssertionError(sentence)

    lost = trouble

    def recovered(self) -> None:
        """Hear nothing."""


def measure_log(reactor: Reactor, folder: str) -> dict[str, float]:
    """What the log costs, with a message alone in its turn and with 64."""
    world = reactor.world
    one = [Publication("c0", "u1", "x" * 40, 1_700_000_000_000)]
    memory = MemoryStore(world.random_bytes, world.monotonic)
    engine = ReactorEngine(reactor, Offload(reactor.post))
    file = SqliteStore(engine, Quiet(), f"{folder}/chat.db")
    costs = {
        "log it in memory": cost(lambda: memory.append(one, print), 2000),
        "log it in a SQLite file, alone in its turn": cost(lambda: file.append(one, print), 300),
        "log it in a SQLite file, one of 64": cost(lambda: file.append(one * 64, print), 30) / 64,
    }
    file.close()
    return costs


def measure_output(reactor: Reactor) -> dict[str, float]:
    """What delivering costs."""
    codec = JsonCodec()
    event = MessageEvent("c0", 1_000, "u1", "x" * 40, 1_700_000_000_000)
    ack = MessageAck("c0", 1_000, 1_700_000_000_000, False, id="17")
    ours, theirs = connect(MEMBERS)
    child = os.fork()
    if not child:
        for sock in ours:
            sock.close()
        read_everything(theirs)
    for sock in theirs:
        sock.close()
    message = PreparedMessage(codec.encode(event))
    wires = [sock.send for sock in ours]
    alone = cost(lambda: send_to_crowd(reactor, [len] * MEMBERS, message.frame), 20) / MEMBERS
    costs = {
        "encode the event, lay out its frame": cost(lambda: PreparedMessage(codec.encode(event)), 5000),
        "encode and lay out the ack": cost(lambda: encode_frame(TEXT, codec.encode(ack)), 5000),
        "send to one of 1,000 members, without the kernel": alone,
        "send to one of 1,000 members, with the kernel": _cost_of_sending(reactor, wires, message.frame),
    }
    for sock in ours:
        sock.close()
    os.waitpid(child, 0)
    return costs


def _cost_of_sending(reactor: Reactor, wires: list[Callable[..., int]], frame: bytes) -> float:
    least = float("inf")
    for _ in range(ROUNDS * 4):
        started = time.thread_time_ns()
        send_to_crowd(reactor, wires, frame)
        least = min(least, (time.thread_time_ns() - started) / len(wires))
        time.sleep(0.02)  # let the members read
    return least


def main() -> None:
    """Print the table."""
    world = World()
    reactor = Reactor(world, world.open_poller("epoll"), print)
    with tempfile.TemporaryDirectory() as folder:
        rows = {**measure_input(), **measure_log(reactor, folder), **measure_output(reactor)}
    print("| step | ns |\n|---|---|")
    for name, nanoseconds in rows.items():
        print(f"| {name} | {nanoseconds:,.0f} |")


if __name__ == "__main__":
    main()
