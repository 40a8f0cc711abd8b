"""Bytes that come back for a byte that is sent: at most three, where the protocol lets the server choose.

| what is sent                   | what comes back                    | why, where it is more than three      |
|--------------------------------|------------------------------------|---------------------------------------|
| pings, pongs, echoes           | as much                            |                                       |
| messages to oneself            | the message with its seq, and acks |                                       |
| a wrong command of 18 bytes    | a sentence of 100                  | a person has to understand it         |
| a bare request line            | a head that keeps a browser safe   | 100 a connection, then it is closed   |
| a question for history, a file | what was asked for                 | 50 questions a second (`limits.rate`) |

Nothing of that can be turned on somebody else: it is TCP, the answers go to who asks. What matters to the server is
that nothing is made for who does not read it (`test_portions.py`), and that no byte pins more than three
(`test_memory_of_one.py`). The bounds of the exceptions hold what was measured.
"""

import pytest

from tests.attacks.catalogue import HISTORY, Attack, fill, head, say
from tests.attacks.measuring import KIB
from tests.attacks.swarm import Swarm
from tests.attacks.target import attacked
from tests.clients.rig import upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, PING, PONG, TEXT

SECONDS = 0.7

MUCH = 256 * KIB

IN_CHANNEL = upgrade("/chat") + say(type="join", channel="own", user="me")
IN_FULL = upgrade("/chat") + say(type="join", channel="full", user="me", history=0)

THRICE = 3.0

FLOODS = [
    (Attack("empty pings", upgrade("/echo"), frame(PING), MUCH), THRICE),
    (Attack("long pings", upgrade("/echo"), frame(PING, b"x" * 125), MUCH), THRICE),
    (Attack("pongs", upgrade("/echo"), fill(frame(PONG), KIB), MUCH), THRICE),
    (Attack("echoes of nothing", upgrade("/echo"), fill(frame(BINARY), KIB), MUCH), THRICE),
    (Attack("echoes of 1 KiB", upgrade("/echo"), frame(TEXT, b"x" * KIB), MUCH), THRICE),
    (Attack("messages to oneself", IN_CHANNEL,
            fill(say(type="message", channel="own", text="hello"), KIB), MUCH), THRICE),
    (Attack("messages that are acknowledged", IN_CHANNEL,
            fill(say(type="message", channel="own", text="hello", id=1), KIB), MUCH), THRICE),
    (Attack("long messages to oneself", IN_CHANNEL, say(type="message", channel="own", text="x" * 1000), MUCH), THRICE),
    (Attack("no JSON", upgrade("/chat"), fill(frame(TEXT, b"{"), KIB), MUCH), THRICE),
    (Attack("frames that are forbidden", upgrade("/chat"), b"\xff" * KIB, MUCH), THRICE),
    (Attack("commands of no type that exists", upgrade("/chat"), fill(say(type="x"), KIB), MUCH), 8.0),
    (Attack("pings that are messages", upgrade("/chat"), fill(say(type="ping"), KIB), MUCH), 8.0),
    (Attack("a hundred requests for what is not there", head("/x") * 100), 12.0),
    (Attack("requests for what is not there, without end", head("/x"), fill(head("/x"), KIB), MUCH), THRICE),
    (Attack("no HTTP", b"\0" * 64, b"\0" * KIB, MUCH), THRICE),
]  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with attacked(tmp_path_factory.mktemp("page"), "--set", "limits.rate=50") as one:
        yield one


def flood(target, attack):
    with Swarm(target.port, attack.but_reading(), 1) as swarm:
        swarm.run(SECONDS)
        sent, received = swarm.sent, swarm.received
    target.clear()
    return sent, received


@pytest.mark.parametrize(("attack", "bound"), FLOODS, ids=lambda value: getattr(value, "name", ""))
def test_a_flood_brings_back_no_more_than_its_bound(target, note, attack, bound):
    sent, received = flood(target, attack)
    note("amplification", name=attack.name, bound=bound, sent=sent, received=received, times=received / sent)
    assert received <= bound * sent


def test_history_is_long_and_asked_for_no_faster_than_the_rate(target, note):
    """A page of the dearest characters has 750 KB; the first 100 questions are free, and these are their answers."""
    page = 90 * 1400 * 6
    sent, received = flood(target, Attack("history", IN_FULL, HISTORY, 200 * len(HISTORY)))
    note("amplification", name="history", sent=sent, received=received, times=received / sent)
    assert received <= (100 + 50 * SECONDS * 2) * page
