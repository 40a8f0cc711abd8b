"""Texts go to PostgreSQL and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsserver.stores.postgres_text import SEPARATOR, escape, join, unescape

ODD = st.text(alphabet=st.sampled_from('\0\x1a\x1f\ud800\udfffa0\\"{}é😀'))


@given(st.text() | ODD)
def test_every_text_comes_back_and_is_one_that_can_be_kept(text):
    written = escape(text)
    assert unescape(written) == text
    written.encode()
    assert "\0" not in written
    assert SEPARATOR not in written


@given(st.lists(st.text(min_size=1) | ODD.filter(bool), min_size=1))
def test_many_texts_are_one_parameter_and_come_apart_again(texts):
    assert [unescape(part) for part in join(texts).decode().split(SEPARATOR)] == texts


def test_usual_texts_are_written_as_they_are():
    assert join(["häß", "lich\n", "\\x41"]) == "häß\x1flich\n\x1f\\x41".encode()
    assert escape("a\\b\x1b") == "a\\b\x1b"


@pytest.mark.parametrize("text", ["\x1a", "\x1a00", "\x1azzzz", "a\x1a"])
def test_what_somebody_else_wrote_comes_back_as_it_stands(text):
    assert unescape(text) == text
