"""Whatever a supervisor and its workers say arrives as it was meant."""

import msgspec
import pytest

from wsserver.config import from_assignment, load
from wsserver.supervision.orders import (
    Begin,
    Cover,
    Drain,
    End,
    Failed,
    Measure,
    Measured,
    Ping,
    Pong,
    Ready,
    Report,
    Sum,
    SumUp,
    TakeOn,
    Uncover,
    decode,
    encode,
)

CONFIG = load(
    flags=[
        from_assignment(assignment)
        for assignment in (
            "server.origins=https://a.example,https://b.example",
            "server.fd=7",
            "limits.rate=0.5",
            "api.key=a key that is long enough",
            "channels.news:*.send=ann,bob",
            "channels.lobby.history=0",
        )
    ]
)

SNAPSHOT = {
    "wsserver_turns": 2**53,
    "wsserver_clients": {"open": 3},
    "wsserver_turn_seconds": {"counts": [0], "sum": 0.5},
}

LINES = [
    Begin(3, CONFIG, [[4, 5], [6]], [7], 8, None),
    Begin(0, load(), [[4]], [], None, 1),
    Cover(1),
    Uncover(1),
    TakeOn(CONFIG),
    Report(),
    Ping(),
    Measure(7),
    Sum(8, SNAPSHOT),
    Drain(),
    End(),
    Ready(),
    Pong(),
    SumUp(8, SNAPSHOT),
    Measured(7, SNAPSHOT),
    Failed('it is "not" there.\n', 2),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: type(line).__name__)
def test_a_line_is_one_line_and_comes_back_as_it_was(line):
    written = encode(line)
    assert b"\n" not in written
    assert decode(written) == line


@pytest.mark.parametrize(
    "written", [b"", b"{}", b'{"type":"Dance"}', b'{"type":"Cover"}', b'{"type":"Cover","index":"x"}']
)
def test_what_is_no_line_of_ours_is_refused(written):
    with pytest.raises(msgspec.MsgspecError):
        decode(written)
