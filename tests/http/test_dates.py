import email.utils

import pytest

from wsserver.http.dates import format_date, parse_date


def test_example_of_the_rfc():
    assert format_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777


@pytest.mark.parametrize("epoch_s", [0, 1, 68169599, 951782400, 1709164800, 1763712000, 2147483648, 253402300799])
def test_dates_are_what_others_make_of_them_and_come_back(epoch_s):
    assert format_date(epoch_s) == email.utils.formatdate(epoch_s, usegmt=True)
    assert parse_date(format_date(epoch_s)) == epoch_s


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text):
    assert parse_date(text) is None
