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
    Ready,
    Report,
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

LINES = [
    Begin(3, CONFIG, [[4, 5], [6]], [7], 8, None),
    Begin(0, load(), [[4]], [], None, 1),
    Cover(1),
    Uncover(1),
    TakeOn(CONFIG),
    Report(),
    Drain(),
    End(),
    Ready(),
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
