import time

import pytest

from wsserver.http.errors import RequestError
from wsserver.http.headers import Headers, parse_header_line


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        (b"Host: a", ("host", "a")),
        (b"X-A:b", ("x-a", "b")),
        (b"X-A: \t b\tc \t", ("x-a", "b\tc")),
        (b"X-A:", ("x-a", "")),
        (b"X-A: \t ", ("x-a", "")),
        (b"X-A: b: c", ("x-a", "b: c")),
        (b"X-A: \xa0\x85b\xa0", ("x-a", "\xa0\x85b\xa0")),  # neither is white space
        (b"X-A: \xc3\xa9", ("x-a", "\xc3\xa9")),
    ],
)
def test_line_becomes_a_name_in_lower_case_and_a_value_without_white_space_around(line, pair):
    assert parse_header_line(line) == pair


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (b" X: a", "folded"),
        (b"\tX: a", "folded"),
        (b"X", "no colon"),
        (b"X : a", "between"),
        (b"X\t: a", "between"),
        (b": a", "empty"),
        (b"X Y: a", "character that names may not have"),
        (b"\xe9: a", "character that names may not have"),
        (b"X: a\0", "control character"),
        (b"X: \x0ba", "control character"),
        (b"X: a\x7f", "control character"),
        (b"X: a\rb", "control character"),
        (b"X: a\nb", "control character"),
    ],
)
def test_broken_line_is_refused_with_a_sentence_that_does_not_repeat_it(line, hint):
    with pytest.raises(RequestError, match=hint) as caught:
        parse_header_line(line)
    assert caught.value.status == 400


HEADERS = Headers([("Host", "a"), ("X-List", "b, ,C"), ("x-list", "d ,, e"), ("X-Empty", "")])


def test_names_are_compared_without_regard_to_case():
    assert HEADERS.get("hOST") == "a"
    assert "HOST" in HEADERS
    assert "x-other" not in HEADERS


def test_several_values_are_one_list():
    assert HEADERS.get("X-List") == "b, ,C, d ,, e"
    assert HEADERS.all("x-LIST") == ("b, ,C", "d ,, e")


def test_header_that_is_not_there_is_none_and_one_that_is_empty_is_not():
    assert (HEADERS.get("x-other"), HEADERS.all("x-other"), HEADERS.elements("x-other")) == (None, (), ())
    assert (HEADERS.get("x-empty"), HEADERS.all("x-empty"), HEADERS.elements("x-empty")) == ("", ("",), ())


def test_elements_of_a_list_come_in_order_and_without_the_empty_ones():
    assert HEADERS.elements("X-List") == ("b", "C", "d", "e")


def test_list_mentions_whole_elements_in_any_case():
    assert HEADERS.mentions("x-list", "c")
    assert not Headers([("Connection", "upgrade-insecure, keep")]).mentions("connection", "upgrade")


def test_only_space_and_tab_are_white_space_around_elements():
    assert Headers([("X", "\t a \t,\xa0b")]).elements("x") == ("a", "\xa0b")


def test_headers_are_pairs_again_when_walked():
    assert list(HEADERS) == [("host", "a"), ("x-list", "b, ,C"), ("x-list", "d ,, e"), ("x-empty", "")]
    assert len(HEADERS) == 4
    assert Headers(HEADERS) == HEADERS
    assert HEADERS != [("host", "a")]
    assert repr(Headers([("A", "b")])) == "Headers([('a', 'b')])"


@pytest.mark.parametrize("value", [b" " * 8000 + b"\0", b"\\" * 8000, b"," * 8000, b"a " * 4000, b"\t" * 8000])
def test_hostile_values_take_no_time(value):
    started = time.process_time()
    for _ in range(10):
        try:
            Headers([parse_header_line(b"X: " + value)]).elements("x")
        except RequestError:
            pass
    assert time.process_time() - started < 0.1
