import dataclasses

import pytest

from wsserver.http.limits import DEFAULT_LIMITS, RequestLimits


def test_defaults_are_the_documented_ones():
    assert dataclasses.astuple(DEFAULT_LIMITS) == (8192, 8192, 16384, 100, 65536)


def test_longest_line_fits_into_a_head():
    assert max(DEFAULT_LIMITS.request_line, DEFAULT_LIMITS.header_line) < DEFAULT_LIMITS.head


def test_limits_cannot_be_changed_under_a_parser():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RequestLimits().body = 1
