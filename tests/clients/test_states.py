import itertools

import pytest

from wsserver.clients.states import DEADLINES, ROWS, TRANSITIONS, Event, IllegalStep, State, next_state

DESIGN_TABLE = [
    ("NONE", "ACCEPT_FAILED", "NONE"),
    ("NONE", "ACCEPT_SUCCEEDED", "CREATED"),
    ("CREATED", "RECEIVE_HANDSHAKE_FAILED", "GONE"),
    ("CREATED", "RECEIVE_HANDSHAKE_SUCCEEDED", "HANDSHAKE"),
    ("HANDSHAKE", "SEND_HANDSHAKE_FAILED", "GONE"),
    ("HANDSHAKE", "SEND_HANDSHAKE_SUCCEEDED", "OPEN"),
    ("OPEN", "RECEIVE_DATA_SUCCEEDED", "OPEN"),
    ("OPEN", "SEND_DATA_SUCCEEDED", "OPEN"),
    ("OPEN", "RECEIVE_DATA_FAILED", "CLOSING_STS"),
    ("OPEN", "SEND_DATA_FAILED", "CLOSING_STS"),
    ("OPEN", "RECEIVE_CLOSE", "CLOSING_CTS"),
    ("CLOSING_CTS", "SEND_CLOSE_FAILED", "GONE"),
    ("CLOSING_CTS", "SEND_CLOSE_SUCCEEDED", "GONE"),
    ("CLOSING_STS", "SEND_CLOSE_FAILED", "GONE"),
    ("CLOSING_STS", "SEND_CLOSE_SUCCEEDED", "CLOSING_STW"),
    ("CLOSING_STW", "RECEIVE_CLOSE", "GONE"),
    ("CLOSING_STW", "RECEIVE_CLOSE_FAILED", "GONE"),
]
"""The table as it was designed, written down a second time: the code must not drift from it unnoticed."""

ADDED_EVENTS = {"ANSWERED", "ANSWERED_LAST", "SERVER_CLOSES", "DEADLINE", "LOST", "HAND_OFF", "TAKE_OVER"}
LIVING = [state for state in State if state not in (State.NONE, State.GONE)]
LEGAL = {(row.state, row.event): row.target for row in ROWS}


def test_the_design_s_rows_are_there_exactly_and_the_others_are_marked_as_added():
    assert [(row.state.name, row.event.name, row.target.name) for row in ROWS if not row.added] == sorted(
        DESIGN_TABLE, key=lambda row: [(r.state.name, r.event.name) for r in ROWS].index(row[:2])
    )
    assert {row.event.name for row in ROWS if row.added} == ADDED_EVENTS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.state.name}-{row.event.name}")
def test_every_row_leads_where_it_says(row):
    assert next_state(row.state, row.event) is row.target


@pytest.mark.parametrize(
    ("state", "event"),
    [pair for pair in itertools.product(State, Event) if pair not in LEGAL],
    ids=lambda value: value.name,
)
def test_every_other_pair_is_refused(state, event):
    with pytest.raises(IllegalStep, match=f"{event.name} cannot happen in {state.name}"):
        next_state(state, event)


def test_gone_is_final():
    assert TRANSITIONS[State.GONE] == {}


@pytest.mark.parametrize("state", LIVING)
def test_every_state_has_a_deadline_and_an_exit_on_loss(state):
    assert DEADLINES[state]
    assert TRANSITIONS[state][Event.DEADLINE] is not state
    assert TRANSITIONS[state][Event.LOST] is State.GONE


@pytest.mark.parametrize("state", LIVING)
def test_every_state_can_be_reached_and_left(state):
    assert any(row.target is state for row in ROWS if row.state is not state)
    reached, frontier = set(), {state}
    while frontier:
        reached |= frontier
        frontier = {target for origin in frontier for target in TRANSITIONS[origin].values()} - reached
    assert State.GONE in reached


def test_states_and_events_are_explained_in_sentences():
    assert all(len(state.value) > 15 and state.value.endswith(".") for state in State)
    assert all(len(event.value) > 5 for event in Event)
