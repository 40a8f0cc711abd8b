import time

import pytest

from wsserver.http.ranges import UnsatisfiableRange, choose_range

SIZE = 100


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=5-", (5, 100)),
        ("bytes=5-9", (5, 10)),
        ("bytes=99-1000", (99, 100)),
        ("bytes=5-" + "9" * 30, (5, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=-" + "9" * 5000, (0, 100)),
        ("Bytes= 5-9", (5, 10)),
    ],
)
def test_one_range_is_understood(header, part):
    assert choose_range(header, SIZE) == part


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-5",
        "bytes=0-0,5-6",
        "bytes=" + ",".join(["0-"] * 1000),
        "lines=0-1",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=٥-٩",
        "bytes=1 - 2",
        "bytes 1-2",
        "bytes=--5",
    ],
)
def test_anything_else_is_the_whole_file(header):
    assert choose_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=" + "9" * 30 + "-", "bytes=-0"])
def test_bytes_that_do_not_exist_cannot_be_had(header):
    with pytest.raises(UnsatisfiableRange):
        choose_range(header, SIZE)


def test_nothing_of_an_empty_file_is_all_of_it():
    assert choose_range("bytes=-5", 0) is None
    with pytest.raises(UnsatisfiableRange):
        choose_range("bytes=0-", 0)


def test_long_numbers_take_no_time():
    started = time.process_time()
    choose_range("bytes=0-" + "9" * 8000, SIZE)
    assert time.process_time() - started < 0.05
