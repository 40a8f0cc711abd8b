"""What waits for one part of the log, and how much may."""

import pytest

from tests.chat.fakes import ignore
from wsserver.chat import lane as lane_module
from wsserver.chat.channels import Channel
from wsserver.chat.errors import ChatError
from wsserver.chat.lane import BATCH_LIMIT, MESSAGE_BYTES, PENDING_BYTES, Lane
from wsserver.chat.log import Publication
from wsserver.chat.posting import _Poster
from wsserver.stores.memory import MemoryStore


def gather(lane: Lane, *texts: str) -> None:
    channel = Channel("c", 1)
    for text in texts:
        lane.judge_room(text)
        lane.publications.append(Publication("c", "ann", text, 0))
        lane.origins.append((_Poster(channel, ignore), 0, channel))


def make() -> Lane:
    return Lane(MemoryStore(bytes, float), lambda _lane, _outcome: None, lambda _lane: None, lambda _lane: None)


def test_all_that_gathered_is_taken_at_once_and_in_its_order() -> None:
    lane = make()
    gather(lane, "1", "2", "3")
    publications, origins = lane.take()
    assert [publication.text for publication in publications] == ["1", "2", "3"]
    assert len(origins) == 3
    assert (lane.publications, lane.origins, lane.bytes) == ([], [], 0)


def test_of_very_much_the_oldest_are_taken_and_the_rest_stays_counted() -> None:
    lane = make()
    gather(lane, *[str(number) for number in range(BATCH_LIMIT)], "rest")
    publications, origins = lane.take()
    assert [publication.text for publication in publications] == [str(number) for number in range(BATCH_LIMIT)]
    assert len(origins) == BATCH_LIMIT
    assert [publication.text for publication in lane.publications] == ["rest"]
    assert lane.bytes == MESSAGE_BYTES + 4


def test_too_many_messages_are_refused_and_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "PENDING_LIMIT", 3)
    lane = make()
    gather(lane, "1", "2", "3")
    with pytest.raises(ChatError) as caught:
        gather(lane, "4")
    assert (caught.value.code, caught.value.retry) == ("store_unavailable", True)
    lane.take()
    gather(lane, "4")


@pytest.mark.parametrize(("letter", "width"), [("a", 1), ("€", 4)])
def test_what_may_wait_is_bounded_in_bytes(letter: str, width: int) -> None:
    lane = make()
    room = (PENDING_BYTES - MESSAGE_BYTES) // width
    with pytest.raises(ChatError):
        lane.judge_room(letter * (room + 1))
    lane.judge_room(letter * room)
    with pytest.raises(ChatError):
        lane.judge_room("")
