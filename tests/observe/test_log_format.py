"""What a log line looks like, whatever a peer put into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wsserver.observe.log_format import LINE_LIMIT, VALUE_LIMIT, Format, Record, format_json, format_text

BOTH = pytest.mark.parametrize("form", [format_text, format_json])
HOSTILE = "a\r\nb\x1b[31m\x7f\u2028\u202e\ud800\\ \x00"


def make(sentence: str = "It happened.", trace: str = "", **fields: object) -> Record:
    return Record(1_772_366_400_250, "warning", "listener", "accept_failed", sentence, fields, trace)


def test_text_line_reads_from_time_to_fields() -> None:
    assert format_text(make(errno=24, path="/a b", empty="")) == (
        b'2026-03-01T12:00:00.250Z WARNING listener accept_failed: It happened. errno=24 path="/a b" empty=""\n'
    )


def test_json_line_is_one_object() -> None:
    assert json.loads(format_json(make(errno=24, ratio=0.5, gone=None, late=True, path=b"x"))) == {
        "ts": "2026-03-01T12:00:00.250Z",
        "level": "warning",
        "source": "listener",
        "kind": "accept_failed",
        "message": "It happened.",
        "errno": 24,
        "ratio": 0.5,
        "gone": None,
        "late": True,
        "path": "b'x'",
    }


def test_control_characters_are_escaped_in_text() -> None:
    line = format_text(make(reason=HOSTILE))
    assert line.endswith(rb'reason="a\x0d\x0ab\x1b[31m\x7f\u2028\u202e\ud800\\ \x00"' + b"\n")


@BOTH
def test_line_holds_no_control_character_but_its_end(form: Format) -> None:
    line = form(make(HOSTILE, reason=HOSTILE)).decode()
    assert line[:-1].isprintable()
    assert line[-1] == "\n"


def test_quotes_cannot_end_a_value() -> None:
    assert b' reason="a\\" level=\\"x" ' in format_text(make(reason='a" level="x', last=1))


@BOTH
def test_value_is_cut_at_200_characters(form: Format) -> None:
    line = form(make("s" * 1000, reason="r" * 1000))
    assert line.count(b"s" * (VALUE_LIMIT - 1)) == line.count(b"r" * (VALUE_LIMIT - 1)) == 1
    assert b"r" * VALUE_LIMIT not in line


def test_own_names_win_over_fields_of_the_same_name() -> None:
    assert json.loads(format_json(make(level="x", kind="y")))["level"] == "warning"


def test_number_that_json_lacks_becomes_a_string() -> None:
    assert json.loads(format_json(make(a=float("nan"), b=float("inf")))) | {"a": "nan", "b": "inf"} == json.loads(
        format_json(make(a="nan", b="inf"))
    )


def test_trace_stands_below_a_text_line_marked_and_escaped() -> None:
    lines = format_text(make(trace="Traceback:\n  \x1b]0;x\nError: boom\n")).splitlines()
    assert lines[1:] == [b"  | Traceback:", rb"  |   \x1b]0;x", b"  | Error: boom"]


def test_trace_is_a_string_in_json() -> None:
    assert json.loads(format_json(make(trace="a\nb")))["trace"] == "a\nb"


@BOTH
def test_long_trace_keeps_its_end(form: Format) -> None:
    line = form(make(trace="x" * 100_000 + "the reason"))
    assert b"the reason" in line
    assert len(line) <= LINE_LIMIT


@BOTH
@given(
    sentence=some.text(),
    trace=some.text(),
    fields=some.dictionaries(some.sampled_from("abcdefgh"), some.text(min_size=150)),
)
def test_no_record_is_longer_than_a_pipe_takes_at_once(
    form: Format, sentence: str, trace: str, fields: dict[str, str]
) -> None:
    line = form(make(sentence, trace, **fields))
    assert len(line) <= LINE_LIMIT
    assert line.endswith(b"\n")


def test_json_stays_json_when_it_is_too_long() -> None:
    fields = {f"field{number}": "\x1b" * 200 for number in range(50)}
    assert json.loads(format_json(make(**fields))) == {**json.loads(format_json(make())), "cut": True}
