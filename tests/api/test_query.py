"""Queries: what parameters say, and which are refused."""

import pytest

from tests.api.fakes import request
from wsserver.api.answers import ApiError
from wsserver.api.query import PARAMETERS, Query


def query(text):
    return Query(request(f"/api/x?{text}"))


def test_texts_are_decoded_as_forms_are():
    asked = query("channel=a+b%2Fc%C3%A9&empty=&last=x%3D%26")
    assert (asked.text("channel"), asked.text("last")) == ("a b/cé", "x=&")
    assert asked.text("empty") is None
    assert asked.text("missing") is None


def test_numbers_are_whole_and_counts_are_cut():
    asked = query("a=-7&b=0012&c=500")
    assert (asked.integer("a"), asked.integer("b"), asked.integer("none")) == (-7, 12, None)
    assert (asked.count("c", 50, 300), asked.count("none", 50, 300)) == (300, 50)


@pytest.mark.parametrize("value", ["x", "1.5", "+1", "%201", "1e3", "--1", "-", "9" * 16, "%D9%A1"])
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ApiError) as caught:
        query(f"after={value}").integer("after")
    assert (caught.value.status, caught.value.field) == (400, "after")


def test_a_count_is_not_negative():
    with pytest.raises(ApiError) as caught:
        query("limit=-1").count("limit", 1, 1)
    assert caught.value.field == "limit"


@pytest.mark.parametrize("text", ["a=%FF", "a=1&a=2", "&".join(f"p{number}=1" for number in range(PARAMETERS + 1))])
def test_what_two_readers_could_read_differently_is_refused(text):
    with pytest.raises(ApiError) as caught:
        query(text)
    assert caught.value.status == 400
