"""How values are written: judged, understood, and written back."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from wsserver.configuration.kinds import (
    LARGEST,
    LONGEST_S,
    Choice,
    Count,
    CountOrAuto,
    Duration,
    Flag,
    HostPort,
    Kind,
    Names,
    Networks,
    Rate,
    Size,
    Text,
    split_host_port,
)


def read_back(kind: Kind, value: object) -> object:
    return kind.parse(tomllib.loads(f"value = {kind.render(value)}")["value"])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("25s", 25), ("5m", 300), ("1h", 3600), ("2d", 172800), ("1.5s", 1.5), (7, 7), (" 3 ", 3)],
)
def test_duration_is_read_in_seconds(written: object, seconds: float) -> None:
    assert Duration().parse(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "s", "5 s", "5sec", "-1s", "1h30m", "1e999", "8d", float("nan"), None, True, [1]]
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        Duration().parse(written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.25, '"250ms"'), (25, '"25s"'), (60, '"1m"'), (90, '"90s"'), (3600, '"1h"'), (0, '"0s"'), (1.5, '"1500ms"')],
)
def test_duration_is_written_in_the_greatest_whole_unit(seconds: float, written: str) -> None:
    assert Duration().render(seconds) == written


@given(some.floats(min_value=0, max_value=LONGEST_S))
def test_every_duration_is_read_back_as_it_was(seconds: float) -> None:
    if seconds == 0 or seconds > 1e-90:  # two digits of exponent are plenty for a length of time
        assert read_back(Duration(), seconds) == seconds


@pytest.mark.parametrize(("written", "size"), [("64KiB", 65536), ("1mib", 2**20), ("1GiB", 2**30), ("10B", 10), (5, 5)])
def test_size_is_read_in_bytes(written: object, size: int) -> None:
    assert Size().parse(written) == size


@pytest.mark.parametrize("written", ["64KB", "64k", "1.5MiB", "-1", "", 1.5, False])
def test_size_that_could_be_misread_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        Size().parse(written)


@given(some.integers(min_value=0, max_value=2**40))
def test_every_size_is_read_back_as_it_was(size: int) -> None:
    assert read_back(Size(), size) == size


@given(some.one_of(some.none(), some.integers(min_value=0, max_value=LARGEST)))
def test_every_count_is_read_back_as_it_was(count: int | None) -> None:
    assert read_back(Count(optional=True), count) == count


def test_count_without_a_number_is_refused_where_it_is_needed() -> None:
    with pytest.raises(ValueError, match="^$"):
        Count().parse("")


@given(some.floats(min_value=1e-90, max_value=2**40))
def test_every_rate_is_read_back_as_it_was(rate: float) -> None:
    assert read_back(Rate(), rate) == rate


@pytest.mark.parametrize(
    ("written", "value"), [(True, True), ("yes", True), ("ON", True), ("0", False), ("false", False)]
)
def test_flag_is_read_from_the_usual_words(written: object, value: bool) -> None:
    assert Flag().parse(written) is value
    assert read_back(Flag(), value) is value


@pytest.mark.parametrize("written", ["maybe", "", 1, None])
def test_what_is_no_flag_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        Flag().parse(written)


@given(some.text(some.characters(exclude_categories=("C", "Z")) | some.sampled_from(' "\\')))
def test_every_line_of_text_is_read_back_as_it_was(text: str) -> None:
    assert read_back(Text(""), text) == text


@pytest.mark.parametrize("written", ["a\nb", "a\x00", "\x7f", "\u2028", "\ud800", 3, None])
def test_text_with_control_characters_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        Text("").parse(written)


def test_choice_does_not_mind_case() -> None:
    assert Choice(("text", "json")).parse("JSON") == "json"


def test_choice_says_what_there_is() -> None:
    assert Choice(("text", "json")).expected == "one of text, json"


@pytest.mark.parametrize(
    ("written", "names"), [("a,b", ("a", "b")), (" a , ,b,", ("a", "b")), ("", ()), (["a b"], ("a b",)), ([], ())]
)
def test_names_come_as_a_list_or_with_commas(written: object, names: tuple[str, ...]) -> None:
    assert Names("names").parse(written) == names
    assert read_back(Names("names"), names) == names


@pytest.mark.parametrize("written", [3, [3], ["a\nb"], {"a": 1}])
def test_what_is_no_list_of_names_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        Names("names").parse(written)


def test_bounds_are_part_of_what_is_expected() -> None:
    assert Count(most=65535).expected == "a whole number from 0 to 65535"
    assert Count(least=1).expected == "a whole number of at least 1"
    assert "of at least 1ms" in Duration(least_s=0.001).expected


@pytest.mark.parametrize("kind", [Choice(("a", "b"), optional=True), Names("x", optional=True), Count(optional=True)])
def test_an_optional_kind_takes_an_empty_string_for_nothing_at_all(kind: Kind) -> None:
    assert kind.parse("") is None
    assert read_back(kind, None) is None


def test_no_names_are_not_the_same_as_nothing_said() -> None:
    kind = Names("x", optional=True)
    assert kind.parse([]) == ()
    assert read_back(kind, ()) == ()
    assert Names("x").parse("") == ()


def test_a_duration_may_have_another_bound() -> None:
    assert Duration(most_s=10 * 86400).parse("10d") == 864000
    with pytest.raises(ValueError, match="^$"):
        Duration(most_s=5).parse("6s")


@pytest.mark.parametrize("written", ["10.0.0.1,fd00::/8, unix", ["10.0.0.1", "fd00::/8", "unix"]])
def test_networks_are_addresses_networks_and_unix(written: object) -> None:
    networks = ("10.0.0.1", "fd00::/8", "unix")
    assert Networks().parse(written) == networks
    assert read_back(Networks(), networks) == networks
    assert Networks().parse([]) == Networks().parse("") == ()


@pytest.mark.parametrize("written", ["proxy.example", "10.0.0.1/8", ["10.0.0.1", "*"], "10.0.0.0/33", 10, [10]])
def test_what_is_no_network_is_refused(written: object) -> None:
    with pytest.raises(ValueError):
        Networks().parse(written)


def test_a_count_may_be_left_to_the_machine() -> None:
    kind = CountOrAuto(most=256)
    assert [kind.parse(raw) for raw in ("auto", "AUTO", 1, "256")] == [0, 0, 1, 256]
    assert [read_back(kind, value) for value in (0, 7)] == [0, 7]
    assert kind.expected == "auto, or a whole number from 1 to 256"
    for raw in (0, 257, "", "many", True, 1.5, None):
        with pytest.raises(ValueError):
            kind.parse(raw)


@pytest.mark.parametrize(
    ("text", "parsed"), [("127.0.0.1:9180", ("127.0.0.1", 9180)), ("[::1]:0", ("::1", 0)), ("node:1", ("node", 1))]
)
def test_host_and_port_are_told_apart(text: str, parsed: tuple[str, int]) -> None:
    assert split_host_port(text) == parsed
    assert read_back(HostPort(), text) == HostPort().parse(text) == text


@pytest.mark.parametrize(
    "written", ["9180", ":9180", "[]:1", "host:", "host:port", "host:70000", "host:-1", "host:１", 1]
)
def test_what_is_no_host_and_port_is_refused(written: object) -> None:
    with pytest.raises(ValueError):
        HostPort().parse(written)


def test_no_host_and_port_is_nowhere() -> None:
    assert HostPort().parse("") == ""
