import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserver.http.errors import RequestError
from wsserver.http.extensions import OFFERS, PARAMETERS, Offer, parse_extensions

PMD = "permessage-deflate"


@pytest.mark.parametrize(
    ("header", "offers"),
    [
        ("", ()),
        (" , ,, ", ()),
        ("x", (Offer("x", ()),)),
        ("x , y", (Offer("x", ()), Offer("y", ()))),
        (",x,,y,", (Offer("x", ()), Offer("y", ()))),
        (f"{PMD}; client_max_window_bits", (Offer(PMD, (("client_max_window_bits", None),)),)),
        ("a;b=1;c = 2 ;\td", (Offer("a", (("b", "1"), ("c", "2"), ("d", None))),)),
        ('a;b="1"', (Offer("a", (("b", "1"),)),)),
        (r'a;b="\1\2"', (Offer("a", (("b", "12"),)),)),
        ("a;b;b=1", (Offer("a", (("b", None), ("b", "1"))),)),
        ("constructor;__proto__=__class__", (Offer("constructor", (("__proto__", "__class__"),)),)),
    ],
)
def test_offers_come_in_their_order_with_their_parameters(header, offers):
    assert parse_extensions(header) == offers


@pytest.mark.parametrize(
    "header",
    [
        ";",
        "a;",
        "a;;b",
        "a b",
        "a;b=",
        "a;b==1",
        'a;b="1',
        'a;b=1"',
        'a;b=""',
        'a;b="1 2"',
        'a;b="1";"c"',
        'a;b="\\',
        "a=1",
        "=",
        "a/b",
        "ä",
        "a;b=ä",
        "a\x0b",
        "a, b c",
    ],
)
def test_what_is_not_such_a_list_is_refused(header):
    with pytest.raises(RequestError) as caught:
        parse_extensions(header)
    assert caught.value.status == 400


def test_offers_past_the_limit_are_not_looked_at():
    assert len(parse_extensions(",".join(f"e{i}" for i in range(OFFERS + 5)) + ", ;;;")) == OFFERS


def test_too_many_parameters_are_refused():
    assert len(parse_extensions("a" + ";b" * PARAMETERS)[0].parameters) == PARAMETERS
    with pytest.raises(RequestError):
        parse_extensions("a" + ";b" * (PARAMETERS + 1))


@pytest.mark.parametrize("piece", [" ", ",", ", ", ";", "; ", "a;", '"', "\\", '\\"', "a ", "a,", "\t", '="', "a="])
@pytest.mark.parametrize("start", ["", "a", 'a;b="', "a;b"])
@pytest.mark.parametrize("end", ["", "a", '"', "\x00"])
def test_eight_kilobytes_of_anything_take_linear_time(piece, start, end):
    header = start + piece * (8000 // len(piece)) + end
    least = min(_seconds(header) for _ in range(3))
    assert least < 0.001


def _seconds(header):
    started = time.thread_time()
    try:
        parse_extensions(header)
    except RequestError:
        pass
    return time.thread_time() - started


@given(st.text(alphabet='ab=;,"\\ \t', max_size=40))
def test_nothing_but_a_refusal_comes_out(header):
    try:
        offers = parse_extensions(header)
    except RequestError as error:
        assert error.status == 400
    else:
        assert all(offer.name for offer in offers)
