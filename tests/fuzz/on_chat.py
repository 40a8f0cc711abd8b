"""What is demanded of the whole chat, whatever its clients say.

The input is lines. Two clients speak; a line is what the first one says, but for these:

| line          | meaning                                         |
|---------------|-------------------------------------------------|
| (empty)       | the turn ends                                   |
| `>` and more  | the second client says the rest                 |
| `!` and more  | the rest is a binary message (`>!` of the second) |
| `+`           | a second passes                                 |
| `-`           | the second client is lost, and a new one comes  |
| `~`           | the store breaks, or works again                |
| `*`           | the store answers what it was asked, or from now on later, or at once again |

In what they say, `"epoch":"?"` stands for the epoch that was heard of last.
"""

import json
from collections import Counter
from typing import Any
from unittest.mock import patch

from tests.chat.fakes import Client, Json, World
from wsserver.chat import history
from wsserver.chat.errors import RETRY
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.vocabulary import COMMAND_TYPES, SAFE_INTEGER
from wsserver.websocket.codes import BINARY, TEXT

TOLD = frozenset(
    ("welcome", "joined", "left", "message", "ack", "presence", "broadcast", "direct", "multicast", "event", "response",
     "history", "pong", "subscribed", "unsubscribed", "error")
)  # fmt: skip
"""The types of what a client is told."""


PAGE_CHARS = 100
"""A page that holds one message: then even a short history is told slice by slice."""


def chat(data: bytes) -> None:
    """Nothing but answers comes out; every id comes back once; each seq follows the last; nothing stays behind."""
    with patch.object(history, "PAGE_CHARS", PAGE_CHARS):
        _Scene().play(data.split(b"\n"))


class _Scene:
    """A chat with two clients, and what both of them know."""

    def __init__(self) -> None:
        self.world = World(history=3, channels_per_client=2, channels=3, recovery_limit=5, names=1)
        self.epochs: list[str] = []  # that somebody has heard of
        self.prompt = True  # the store has always answered at once
        self._first, self._second = _Witness(self), _Witness(self)

    def play(self, lines: list[bytes]) -> None:
        """Do what the lines say, then let everything come to its end."""
        for line in lines:
            self._do(line)
            self._listen()
        self.world.store.broken = self.world.store.late = False
        if self.world.store.out is not None:
            self.world.store.answer()
        self.world.advance(1)  # what waited for that goes on in turns of its own
        self._listen()
        self._first.check_up_to_date()
        self._second.check_up_to_date()
        self._first.go(1000)
        self._second.go(1006)
        self._check_nothing_is_left()

    def _do(self, line: bytes) -> None:
        store = self.world.store
        if line == b"-":
            self._second.go(1006)
            self._second = _Witness(self)
        elif line == b"+":
            self.world.advance(1)
        elif line == b"~":
            store.broken = not store.broken
        elif line == b"*" and store.out is not None:
            store.answer(StoreUnavailable("the disk is full") if store.broken else None)
        elif line == b"*":
            store.late, self.prompt = not store.late, False
        elif line[:1] == b">":
            self._second.say(line[1:])
        elif line:
            self._first.say(line)
        else:
            self.world.end_turn()

    def _listen(self) -> None:
        self._first.listen()
        self._second.listen()

    def _check_nothing_is_left(self) -> None:
        self.world.advance(60)
        assert not self.world.surroundings.armed()
        router: Any = self.world.router
        parts = (router._everyone, router._users, router._topics, router._batch, router._waiting, router.channels)
        assert [len(part) for part in parts] == [0] * len(parts)


class _Witness:
    """A client that checks all it is told."""

    def __init__(self, scene: _Scene) -> None:
        self._scene = scene
        self._client: Client = scene.world.connect()
        self._owed: Counter[str | int] = Counter()  # ids that have not come back
        self._in_turn: list[str | int] = []  # those of commands that are answered in their order: all but `message`
        self._since: dict[str | int, int] = {}  # what was asked for with `join`, by id
        self._sure = True  # whether we know of all it said which ids have to come back
        self._last: dict[str, int] = {}  # the newest seq that was heard, of each channel

    def say(self, said: bytes) -> None:
        """Say it, as far as a connection would let it through."""
        if self._client.peer.closed is not None:
            return
        if said[:1] == b"!":
            self._client.raw(said[1:], BINARY)
            return
        try:
            text = said.decode()
        except UnicodeDecodeError:
            return
        if self._scene.epochs:
            text = text.replace('"epoch":"?"', f'"epoch":"{self._scene.epochs[-1]}"')
        is_json, value = _parse(text)
        self._sure &= is_json is not None
        id: Any = value.get("id") if isinstance(value, dict) else None
        if _good(id):
            self._note(id, value)
        heard = len(self._client.peer.sent)
        self._client.raw(text.encode(), TEXT)
        if not self._scene.prompt:
            return
        if is_json is False:
            answer = json.loads(self._client.peer.sent[heard][1])
            assert answer["type"] == "error" and answer["code"] in ("bad_json", "bad_message")
            assert len(self._client.peer.sent) == heard + 1
        elif isinstance(value, dict) and value.get("type") not in tuple(COMMAND_TYPES):
            assert json.loads(self._client.peer.sent[heard][1])["code"] in ("unknown_type", "bad_message", "bad_json")

    def _note(self, id: str | int, command: Json) -> None:
        """Note what is owed for a question."""
        if id in self._owed:
            self._since.pop(id, None)  # an id that is used again says less
            self._in_turn = [other for other in self._in_turn if other != id]
        else:
            if command.get("type") != "message":
                self._in_turn.append(id)
            if type(command.get("since")) is int:
                self._since[id] = command["since"]
        self._owed[id] += 1

    def listen(self) -> None:
        """Check what was heard since the last time."""
        for event in self._client.hear():
            assert event["type"] in TOLD
            if event["type"] == "error":
                assert event["code"] in RETRY and event["code"] != "internal" and type(event["retry"]) is bool
                assert event["message"].endswith((".", "!"))
            if "id" in event and self._sure:
                assert self._owed[event["id"]] > 0, "an answer to a question that nobody asked"
                self._owed[event["id"]] -= 1
                if event["id"] in self._in_turn:
                    assert self._in_turn.pop(0) == event["id"], "a question was overtaken by a later one"
            self._follow(event)

    def _follow(self, event: Json) -> None:
        kind = event["type"]
        channel: Any = event.get("channel")
        if kind == "joined":
            seqs = [message["seq"] for message in event["messages"]]
            assert seqs == [seqs[0] + index for index in range(len(seqs))]
            self._last[channel] = seqs[-1] if seqs else event["seq"]
            if event.get("recovered") and event.get("id") in self._since:
                since = self._since[event["id"]]
                assert seqs[:1] == [since + 1] or since == event["seq"], "a part that is said to be the whole"
            epochs = self._scene.epochs
            assert event["epoch"] in epochs or event["seq"] == 0, "a new log begins at 0"
            epochs.append(event["epoch"])
        elif kind == "left":
            self._last.pop(channel, None)
        elif kind == "message":
            assert event["seq"] == self._last[channel] + 1
            self._last[channel] = event["seq"]

    def check_up_to_date(self) -> None:
        """It has heard all that was said where it is a member."""
        for channel, seq in self._last.items():
            assert self._client.peer.closed is not None or seq == self._scene.world.store.head(channel).seq

    def go(self, code: int) -> None:
        """End the connection; all questions have been answered by then."""
        self._client.gone(code)
        self.listen()
        cut_off = self._client.peer.closed is not None or self._scene.world.store.out is not None
        assert cut_off or not self._sure or not +self._owed, "an answer is missing"


def _parse(text: str) -> tuple[bool | None, Any]:
    """Return whether a text is JSON as the standard library and RFC 8259 see it, and its value.

    Half a surrogate pair and a number that no double holds are JSON to the one and not to the other: then, and where it
    is nested too deeply, nothing is demanded (None, no value).
    """
    if "\\ud" in text.lower():
        return None, None
    try:
        return True, json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_short)
    except (RecursionError, OverflowError):
        return None, None
    except ValueError:
        return False, None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise OverflowError
    return value


def _short(digits: str) -> int:
    if len(digits) > 300:
        raise OverflowError
    return int(digits)


def _good(id: object) -> bool:
    """An id that has to come back."""
    if isinstance(id, str):
        return len(id) <= 64
    return type(id) is int and abs(id) <= SAFE_INTEGER
