"""Server-Sent Events as text, read back by the rules of the HTML standard (section 9.2.6) alone."""

import json

import pytest

from wsserver.api.event_stream import (
    NOWHERE,
    Place,
    encode_beat,
    encode_goaway,
    encode_messages,
    encode_reset,
    encode_start,
    parse_place,
)
from wsserver.chat.vocabulary import MessageEvent


class Browser:
    """What an EventSource makes of a stream."""

    def __init__(self, stream):
        self.events, self.last_id, self.retry_ms = [], "", None
        name, data, id = "", [], ""
        for line in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
            if not line:
                self.last_id = id
                if data:
                    self.events.append((name or "message", "\n".join(data), id))
                name, data = "", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                id = value
            elif field == "retry":
                self.retry_ms = int(value)
        self.unfinished = bool(data or name)


def message(seq, text="hi"):
    return MessageEvent("lobby", seq, "ann", text, 1_700_000_000_000)


@pytest.mark.parametrize("text", ["hi", "two\nlines\r\nand\rmore", "\n\n", "\u2028\x85\x0b", "data: x\n\nid: y", "é🙂"])
def test_a_message_arrives_as_one_event_with_its_place(text):
    browser = Browser(encode_messages("e0", [message(7, text)]))
    [(name, data, id)] = browser.events
    assert (name, id, browser.last_id) == ("message", "e0:7", "e0:7")
    assert json.loads(data) == {
        "type": "message", "channel": "lobby", "seq": 7, "user": "ann", "text": text, "ts": 1_700_000_000_000,
    }  # fmt: skip


def test_messages_arrive_in_their_order():
    browser = Browser(encode_messages("e", [message(seq) for seq in (1, 2, 3)]))
    assert [id for _, _, id in browser.events] == ["e:1", "e:2", "e:3"]


def test_a_reset_says_from_where_it_goes_on():
    browser = Browser(encode_reset(Place("e", 9)))
    [(name, data, id)] = browser.events
    assert (name, json.loads(data), id) == ("reset", {"epoch": "e", "seq": 9}, "e:9")


def test_what_has_no_data_is_no_event_and_still_moves_the_place():
    for stream in (encode_beat(Place("e", 4)), encode_goaway(Place("e", 4), 2.5)):
        browser = Browser(stream)
        assert (browser.events, browser.last_id, browser.unfinished) == ([], "e:4", False)
    assert Browser(encode_goaway(Place("e", 4), 2.5)).retry_ms == 2500


def test_a_beat_begins_with_a_comment():
    assert encode_beat(Place("e", 4)).startswith(b": ")


def test_a_stream_begins_with_a_hint_that_is_part_of_what_follows():
    browser = Browser(encode_start() + encode_messages("e", [message(1)]))
    assert browser.retry_ms > 0
    assert len(browser.events) == 1
    assert not encode_start().endswith(b"\n\n")


def test_a_place_is_read_back():
    assert parse_place("0badc0de:12") == Place("0badc0de", 12)


@pytest.mark.parametrize(
    "text", ["", "7", "e:", ":7", "e:-1", "e:7:8", "e: 7", "e:7x", "e:" + "9" * 16, "e" * 65 + ":1", "e:٧"]
)
def test_what_is_no_place_of_ours_is_nowhere(text):
    assert parse_place(text) is NOWHERE
    assert NOWHERE.epoch == ""
