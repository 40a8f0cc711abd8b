"""A world for the chat without sockets or clocks: peers that remember, timers fired by hand, turns ended by hand."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from wsserver.chat.authority import NO_RULE, BadToken, ChannelRule, Grant
from wsserver.chat.log import Done, Publication, Stored, StoreUnavailable
from wsserver.chat.router import ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.clients.router import Compressor, Peer, Step, Stream, Wire
from wsserver.http.headers import Headers
from wsserver.http.request import Request
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import BINARY, RATE_LIMITED, TEXT
from wsserver.websocket.prepared import Prepared

Json = dict[str, Any]

NOON_MS = 1_700_000_000_000


def ignore(_: object) -> None:
    """Hear what became of something, and do nothing about it."""


def unframe(frames: bytes) -> Iterator[tuple[bytes, int]]:
    """Take whole unmasked frames apart again: (payload, opcode) each."""
    while frames:
        size, start = frames[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(frames[2:start], "big")
        yield frames[start : start + size], frames[0] & 0x0F
        frames = frames[start + size :]


class FakePeer:
    """A client's connection that keeps what it was sent."""

    def __init__(self, id: str = "peer-0000001", subprotocol: str | None = None) -> None:
        self.id = id
        self.address = "127.0.0.1:50312"
        self.subprotocol = subprotocol
        self.context: Any = None
        self.messages_out = 0
        self.compressor: Compressor | None = None
        self.sent: list[tuple[int, bytes]] = []
        self.closed: tuple[int, str] | None = None
        self.max_message: int | None = None  # what it was limited to

    def wire(self, frames: bytes | memoryview) -> int:
        for payload, opcode in unframe(bytes(frames)):
            self.send(payload, opcode)
        return len(frames)

    def limit_messages(self, size: int) -> None:
        self.max_message = size

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        self.sent.append((opcode, bytes(payload)))

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = self.closed or (code, reason)


class FakeTimer:
    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeSurroundings:
    """Time stands still until it is told to jump."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[FakeTimer] = []
        self.at_end: list[Callable[[], None]] = []
        self.deliveries = 0
        self.streams: list[Stream | None] = []  # what was delivered belonged to
        self.work: list[Step] = []  # what is cut into slices
        self._random = Random(7)

    def monotonic(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return NOON_MS + round((self.now - 1000.0) * 1000)

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeTimer:
        assert delay_s >= 0
        timer = FakeTimer(self.now + delay_s, callback)
        self.timers.append(timer)
        return timer

    def at_end_of_turn(self, callback: Callable[[], None]) -> None:
        self.at_end.append(callback)

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        self.streams.append(stream)
        for wire in wires:
            self.deliveries += sum(1 for _ in unframe(message.frame))
            wire(message.frame)

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        self.streams.append(stream)
        for peer in list(peers):
            for payload, opcode in unframe(message.frame):
                peer.send(payload, opcode)
                self.deliveries += 1

    def in_slices(self, step: Step) -> None:
        self.work.append(step)

    def serve(self, steps: int = 1_000_000) -> None:
        """Let the work that is cut into slices go on by so many steps, which take turns."""
        for _ in range(steps):
            if not self.work:
                return
            step = self.work.pop(0)
            if step():
                self.work.append(step)

    def end_turn(self) -> None:
        callbacks, self.at_end = self.at_end, []
        for callback in callbacks:
            callback()

    def advance(self, seconds: float) -> None:
        """Let time pass: every timer that falls due fires at its time, each in a turn of its own."""
        until = self.now + seconds
        while due := [timer for timer in self.armed() if timer.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            self.now = max(self.now, timer.at)
            callback, timer.callback = timer.callback, None
            assert callback is not None
            callback()
            self.end_turn()
        self.now = until

    def armed(self) -> list[FakeTimer]:
        """The timers that will still happen."""
        self.timers = [timer for timer in self.timers if timer.callback is not None]
        return self.timers


class BrokenStore(MemoryStore):
    """A memory store that can be switched off or made to answer later, and counts its transactions."""

    broken = False
    wrong = False
    late = False
    batches: list[int]
    out: tuple[Sequence[Publication], Done] | None = None

    def append(self, batch: Sequence[Publication], done: Done) -> list[Stored] | None:
        self.batches = [*getattr(self, "batches", []), len(batch)]
        assert self.out is None, "one batch at a time"
        if self.late:
            self.out = batch, done
            return None
        self._check()
        return super().append(batch, done)

    def answer(self, outcome: Exception | None = None) -> None:
        """Answer for the batch that is out: it is stored, or that is why not."""
        assert self.out is not None, "nothing is out"
        (batch, done), self.out = self.out, None
        done(outcome or super().append(batch, done) or [])

    def head(self, channel: str) -> Any:
        self._check()
        return super().head(channel)

    def _check(self) -> None:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        if self.wrong:
            raise RuntimeError("a bug in the store")


class Doorman:
    """An authority whose tokens say in plain words what they grant: "ann 60 news:* lobby" is ann for 60 s more."""

    def __init__(self, world: FakeSurroundings) -> None:
        self.world = world
        self.asked: list[tuple[str, str]] = []

    def judge(self, token: str, address: str) -> Grant:
        self.asked.append((token, address))
        user, seconds, *channels = token.split()
        if user == "flood":
            raise BadToken("too many bad tokens from your address", RATE_LIMITED)
        if float(seconds) <= 0:
            raise BadToken("the token has expired")
        return Grant(user, self.world.wall_ms() + round(float(seconds) * 1000), tuple(channels) or None)


class Client:
    """One client of a `World`, with the words that tests use."""

    def __init__(self, world: "World", peer: FakePeer) -> None:
        self.world = world
        self.peer = peer

    def say(self, type: str, **fields: Any) -> None:
        """Send a command; the turn goes on."""
        self.raw(json.dumps({"type": type, **fields}).encode())

    def raw(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send any payload; the turn goes on."""
        self.world.router.on_message(self.peer, payload, opcode)

    def ask(self, type: str, **fields: Any) -> Json:
        """Send a command, end the turn, and return the last thing that was heard."""
        self.say(type, **fields)
        self.world.end_turn()
        return self.hear()[-1]

    def join(self, channel: str = "lobby", user: str | None = None, **fields: Any) -> Json:
        """Join and return `joined`."""
        if user is not None:
            fields["user"] = user
        return self.ask("join", channel=channel, **fields)

    def hear(self) -> list[Json]:
        """Return the text messages since the last time, decoded."""
        sent, self.peer.sent = self.peer.sent, []
        return [json.loads(payload) for opcode, payload in sent if opcode == TEXT]

    def hear_binary(self) -> list[bytes]:
        """Return the binary messages since the last time."""
        sent, self.peer.sent = self.peer.sent, []
        return [payload for opcode, payload in sent if opcode == BINARY]

    def hear_type(self, type: str) -> list[Json]:
        """Return the messages of one type since the last time; forget the others."""
        return [event for event in self.hear() if event["type"] == type]

    def gone(self, code: int = 1006) -> None:
        """End the connection."""
        self.world.router.on_close(self.peer, code, "")
        self.world.end_turn()


class World:
    """A chat with everything around it."""

    def __init__(
        self,
        history: int = 10_000,
        token_mode: bool = False,
        rules: Mapping[str, ChannelRule] | None = None,
        **settings: Any,
    ) -> None:
        self.surroundings = FakeSurroundings()
        self.store = BrokenStore(self.surroundings.random_bytes, self.surroundings.monotonic, lambda _channel: history)
        self.doorman = Doorman(self.surroundings) if token_mode else None
        rule_of = (rules or {}).get
        self.router = ChatRouter(
            ChatSettings(**settings), self.store, authority=self.doorman, rules=lambda name: rule_of(name, NO_RULE)
        )
        self.router.attach(self.surroundings)
        self._clients = 0

    def connect(self, user: str | None = None, channel: str = "lobby", token: str | None = None) -> Client:
        """Return a new client that has heard its welcome; with a `user` it has joined `channel` too.

        `token` comes with its upgrade.
        """
        client = self.arrive(token)
        self.router.on_open(client.peer)
        if user is not None:
            client.join(channel, user)
        client.hear()
        return client

    def arrive(self, token: str | None = None) -> Client:
        """Return a client whose upgrade was granted, and that has heard nothing yet."""
        self._clients += 1
        client = Client(self, FakePeer(f"peer-{self._clients:07}"))
        self.router.on_upgrade(client.peer, upgrade_request(*(["Bearer " + token] if token is not None else [])))
        return client

    def end_turn(self) -> None:
        self.surroundings.end_turn()

    def advance(self, seconds: float) -> None:
        self.surroundings.advance(seconds)

    def answer(self, outcome: Exception | None = None) -> None:
        """Let the store answer for the batch that is out; the next batch, if there is one, goes a turn later."""
        self.store.answer(outcome)
        self.advance(0)


def upgrade_request(*authorizations: str, query: str = "") -> Request:
    """The part of an upgrade that the chat looks at."""
    headers = Headers([("Authorization", value) for value in authorizations])
    return Request("GET", "/chat", "/chat", query, 1, headers, b"", True)
