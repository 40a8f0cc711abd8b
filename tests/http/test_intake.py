import pytest

from tests.splits import portions
from wsserver.http.errors import RequestError
from wsserver.http.intake import Intake, LineTooLong


def lines_of(pieces, most=5):
    """Return the lines, and what was raised behind them."""
    intake, lines = Intake(), []
    for piece in pieces:
        intake.append(piece)
        try:
            while (line := intake.maybe_line(most)) is not None:
                lines.append(line)
        except (LineTooLong, RequestError) as error:
            return lines, type(error)
    return lines, None


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", ([], None)),
        (b"a\r\nbc\r\n\r\nd", ([b"a", b"bc", b""], None)),
        (b"abcde\r\n", ([b"abcde"], None)),
        (b"abcdef\r\n", ([], LineTooLong)),
        (b"abcdef\n", ([], RequestError)),
        (b"abcdefg", ([], LineTooLong)),
        (b"abcdef", ([], None)),
        (b"a\r\nabcdefg", ([b"a"], LineTooLong)),
        (b"a\n", ([], RequestError)),
        (b"\n", ([], RequestError)),
        (b"\r\r\n", ([], RequestError)),
        (b"a\rb\r\n", ([], RequestError)),
        (b"a\r\n\n", ([b"a"], RequestError)),
    ],
)
def test_lines_do_not_depend_on_the_portions(data, outcome):
    for pieces in portions(data):
        assert lines_of(pieces) == outcome, pieces


@pytest.mark.parametrize("most", [0, -1, -2])
def test_no_room_for_a_line_is_an_error_once_there_is_more_than_a_line_end(most):
    assert lines_of([b""], most) == ([], None)
    assert lines_of([b"abc"], most)[1] is LineTooLong


def test_bytes_are_taken_from_the_front_and_lines_go_on_behind_them():
    intake = Intake()
    intake.append(b"no line end in here")
    assert intake.maybe_line(100) is None
    intake.append(b"\r\n")
    assert (intake.first(), intake.take(8), len(intake)) == (ord("n"), b"no line ", 13)
    assert intake.maybe_line(100) == b"end in here"
    assert (intake.first(), intake.take(5), len(intake)) == (None, b"", 0)


def test_nothing_is_left_after_clear():
    intake = Intake()
    intake.append(b"abc")
    assert intake.maybe_line(9) is None
    intake.clear()
    intake.append(b"\r\n")
    assert intake.maybe_line(9) == b""


def test_a_byte_is_looked_at_once():
    class Watched(bytearray):
        """Counts the bytes that searches cover."""

        searched = 0

        def find(self, wanted, start, stop):
            self.searched += min(stop, len(self)) - start
            return super().find(wanted, start, stop)

    intake = Intake()
    intake._data = Watched()
    for _ in range(1000):
        intake.append(b"a")
        assert intake.maybe_line(8192) is None
    assert intake._data.searched == 1000


def test_all_that_is_left_is_taken_at_once_and_a_line_begins_anew_behind_it():
    intake = Intake()
    intake.append(b"part of a line")
    assert intake.maybe_line(100) is None
    assert intake.take_all() == b"part of a line"
    assert (len(intake), intake.take_all()) == (0, b"")
    intake.append(b"a\r\n")
    assert intake.maybe_line(100) == b"a"


def test_many_things_are_taken_at_once_and_what_is_behind_them_stays():
    def one_letter(data, start):
        return start + 1 if data[start : start + 1].isalpha() else -1

    intake = Intake()
    intake.append(b"abc-\r\n")
    intake.take_while(one_letter)
    assert intake.maybe_line(5) == b"-"
    intake.take_while(one_letter)
    assert len(intake) == 0


def test_taking_nothing_changes_nothing():
    intake = Intake()
    intake.append(b"-a")
    assert intake.maybe_line(5) is None
    intake.take_while(lambda _data, _start: -1)
    intake.append(b"\r\n")
    assert intake.maybe_line(5) == b"-a"
