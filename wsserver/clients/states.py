"""The table is the truth: the states of one client, the events that move it, and nothing else.

Seven of the nine rows of the design's table start in a state; two start before there is a client. Rows marked `added`
are what real life brings besides: plain HTTP on a kept connection, a deadline in every state, a loss in every state, a
server that closes for reasons of its own, and clients that change from one of our processes to another. Any other pair
raises IllegalStep: it is our bug, never the peer's.

The three closing states are named after who pulled the trigger and what is done about it:
STS, Server Trigger Start: we want to close, our Close frame is on its way out;
CTS, Client Trigger Start: the peer's Close came, our answer is on its way out;
STW, Server Trigger Wait: our Close frame has left, the peer's answer has not come.

Steps are taken six times in a life, so they may cost a look-up in two dicts. Data messages leave an OPEN client OPEN;
their rows stand here for the truth's sake, and no step is taken for each of them.

Read next: `client.py`, the one caller of `next_state`; the diagram is docs/state-machine.md, generated from here.
"""

from enum import Enum
from typing import Final, NamedTuple


class State(Enum):
    """Where a client is in its life. The value is the sentence people are shown."""

    NONE = "There is no client yet: a connection waits to be accepted."
    CREATED = "The connection is accepted; a request is awaited, or its plain HTTP answer is on its way."
    HANDSHAKE = "The upgrade was granted; the last byte of the 101 response has not left yet."
    OPEN = "Both sides talk."
    CLOSING_STS = "Server trigger start: we are closing, and our Close frame has not left yet."
    CLOSING_CTS = "Client trigger start: the client's Close has come, and our answer has not left yet."
    CLOSING_STW = "Server trigger wait: our Close frame has left, and we wait for the client's."
    GONE = "The client is no more; its socket closes at the end of the turn, or after its last words."

    __hash__ = object.__hash__  # a member is equal to itself alone; Enum's own is written in Python, four times as slow


class Event(Enum):
    """What happens to a client. The value is the sentence people are shown."""

    ACCEPT_FAILED = "accept fails"
    ACCEPT_SUCCEEDED = "accept succeeds"
    RECEIVE_HANDSHAKE_FAILED = "receive handshake fails"
    RECEIVE_HANDSHAKE_SUCCEEDED = "receive handshake succeeds"
    SEND_HANDSHAKE_FAILED = "send handshake fails"
    SEND_HANDSHAKE_SUCCEEDED = "send handshake succeeds (its last byte has left)"
    RECEIVE_DATA_SUCCEEDED = "receive data ok"
    SEND_DATA_SUCCEEDED = "send data ok"
    RECEIVE_DATA_FAILED = "receive data fails"
    SEND_DATA_FAILED = "send data fails"
    RECEIVE_CLOSE = "receive Close"
    SEND_CLOSE_SUCCEEDED = "send Close succeeds"
    SEND_CLOSE_FAILED = "send Close fails"
    RECEIVE_CLOSE_FAILED = "receive Close fails"
    # added
    ANSWERED = "a plain HTTP request is answered and the connection kept"
    ANSWERED_LAST = "a plain HTTP request is answered and the connection not kept"
    SERVER_CLOSES = "the server closes for a reason of its own"
    DEADLINE = "the state's deadline passes"
    LOST = "the connection is lost"
    HAND_OFF = "the client is handed to another process"
    TAKE_OVER = "another process hands over a client that is open"

    __hash__ = object.__hash__


class Row(NamedTuple):
    """One row of the table. `added` tells what the design's table leaves to real life."""

    state: State
    event: Event
    target: State
    added: bool = False


_S, _E = State, Event

ROWS: Final = (
    Row(_S.NONE, _E.ACCEPT_FAILED, _S.NONE),
    Row(_S.NONE, _E.ACCEPT_SUCCEEDED, _S.CREATED),
    Row(_S.CREATED, _E.RECEIVE_HANDSHAKE_FAILED, _S.GONE),  # no Close frame: an HTTP error is sent
    Row(_S.CREATED, _E.RECEIVE_HANDSHAKE_SUCCEEDED, _S.HANDSHAKE),
    Row(_S.CREATED, _E.ANSWERED, _S.CREATED, added=True),
    Row(_S.CREATED, _E.ANSWERED_LAST, _S.GONE, added=True),
    Row(_S.CREATED, _E.DEADLINE, _S.GONE, added=True),
    Row(_S.CREATED, _E.LOST, _S.GONE, added=True),
    Row(_S.CREATED, _E.SERVER_CLOSES, _S.GONE, added=True),
    Row(_S.CREATED, _E.TAKE_OVER, _S.OPEN, added=True),  # its handshake was somebody else's
    Row(_S.HANDSHAKE, _E.SEND_HANDSHAKE_FAILED, _S.GONE),  # no Close frame
    Row(_S.HANDSHAKE, _E.SEND_HANDSHAKE_SUCCEEDED, _S.OPEN),
    Row(_S.HANDSHAKE, _E.DEADLINE, _S.GONE, added=True),
    Row(_S.HANDSHAKE, _E.LOST, _S.GONE, added=True),
    Row(_S.HANDSHAKE, _E.SERVER_CLOSES, _S.GONE, added=True),
    Row(_S.OPEN, _E.RECEIVE_DATA_SUCCEEDED, _S.OPEN),
    Row(_S.OPEN, _E.SEND_DATA_SUCCEEDED, _S.OPEN),
    Row(_S.OPEN, _E.RECEIVE_DATA_FAILED, _S.CLOSING_STS),
    Row(_S.OPEN, _E.SEND_DATA_FAILED, _S.CLOSING_STS),
    Row(_S.OPEN, _E.RECEIVE_CLOSE, _S.CLOSING_CTS),
    Row(_S.OPEN, _E.DEADLINE, _S.CLOSING_STS, added=True),  # the heartbeat was missed
    Row(_S.OPEN, _E.LOST, _S.GONE, added=True),
    Row(_S.OPEN, _E.SERVER_CLOSES, _S.CLOSING_STS, added=True),
    Row(_S.OPEN, _E.HAND_OFF, _S.GONE, added=True),  # to us it is gone; it talks on with the other process
    Row(_S.CLOSING_CTS, _E.SEND_CLOSE_FAILED, _S.GONE),
    Row(_S.CLOSING_CTS, _E.SEND_CLOSE_SUCCEEDED, _S.GONE),
    Row(_S.CLOSING_CTS, _E.DEADLINE, _S.GONE, added=True),
    Row(_S.CLOSING_CTS, _E.LOST, _S.GONE, added=True),
    Row(_S.CLOSING_STS, _E.SEND_CLOSE_FAILED, _S.GONE),
    Row(_S.CLOSING_STS, _E.SEND_CLOSE_SUCCEEDED, _S.CLOSING_STW),
    Row(_S.CLOSING_STS, _E.DEADLINE, _S.GONE, added=True),
    Row(_S.CLOSING_STS, _E.LOST, _S.GONE, added=True),
    Row(_S.CLOSING_STW, _E.RECEIVE_CLOSE, _S.GONE),
    Row(_S.CLOSING_STW, _E.RECEIVE_CLOSE_FAILED, _S.GONE),
    Row(_S.CLOSING_STW, _E.DEADLINE, _S.GONE, added=True),
    Row(_S.CLOSING_STW, _E.LOST, _S.GONE, added=True),
)

DEADLINES: Final = {
    State.CREATED: "websocket.handshake_timeout",
    State.HANDSHAKE: "websocket.handshake_timeout",
    State.OPEN: "websocket.ping_interval + websocket.pong_timeout",
    State.CLOSING_STS: "websocket.close_timeout",
    State.CLOSING_CTS: "websocket.close_timeout",
    State.CLOSING_STW: "websocket.close_timeout",
}
"""Which setting ends a state in which nothing happens. Every state that a client can be in has one."""


class IllegalStep(AssertionError):
    """A (state, event) pair that the table does not have: a rule of ours is broken."""


def _build() -> dict[State, dict[Event, State]]:
    table: dict[State, dict[Event, State]] = {state: {} for state in State}
    for row in ROWS:
        assert row.event not in table[row.state], row
        table[row.state][row.event] = row.target
    return table


TRANSITIONS: Final = _build()
"""The same rows as a dict of dicts; GONE is a terminal state: `{}`."""


def next_state(state: State, event: Event) -> State:
    """Return where `event` moves a client that is in `state`. Raises IllegalStep when the table has no such row."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalStep(f"{event.name} cannot happen in {state.name}") from None
