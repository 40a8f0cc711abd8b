"""Who hears, and how often an event is encoded for them."""

from collections.abc import Iterable

import pytest

from tests.chat.fakes import FakePeer, FakeSurroundings
from wsserver.chat.audience import BACKLOG, CROWD, MANY, MUCH, Audience
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import ProtobufCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Event, Left, Relayed
from wsserver.clients.router import Peer, Step, Stream, Wire
from wsserver.websocket.codes import BINARY
from wsserver.websocket.prepared import Prepared


class CountingCodec(JsonCodec):
    def __init__(self, opcode: int) -> None:
        super().__init__()
        self.opcode = opcode
        self.encoded = 0

    def encode(self, event: Event) -> bytes:
        self.encoded += 1
        return super().encode(event)


class RecordingSenders:
    def __init__(self) -> None:
        self.ways: list[str] = []
        self.peers: list[str] = []
        self.frames: list[bytes] = []
        self.streams: list[Stream | None] = []

    def fan_out(self, peers: Iterable[Peer], message: Prepared, stream: Stream | None = None) -> None:
        self.streams.append(stream)
        self.ways.append("fan out")
        self.peers += [peer.id for peer in peers]
        self.frames.append(message.frame)

    def send_at_once(self, wires: Iterable[Wire], message: Prepared, stream: Stream | None = None) -> None:
        self.streams.append(stream)
        self.ways.append("at once")
        self.frames.append(message.frame)

    def in_slices(self, step: Step) -> None:
        self.ways.append("in slices")


def test_an_event_is_encoded_once_for_each_codec_however_many_hear_it() -> None:
    text, binary, surroundings = CountingCodec(1), CountingCodec(2), FakeSurroundings()
    sessions = [Session(FakePeer(), codec) for codec in (text, binary) for _ in range(10)]
    assert Audience(sessions).deliver([Left("c")], surroundings) == 20
    assert (text.encoded, binary.encoded) == (1, 1)
    assert [session.peer.sent[0][0] for session in sessions] == [1] * 10 + [2] * 10  # type: ignore[attr-defined]


def test_a_codec_that_nobody_uses_any_more_costs_nothing() -> None:
    codec, surroundings = CountingCodec(1), FakeSurroundings()
    session = Session(FakePeer(), codec)
    audience = Audience([session])
    audience.discard(session)
    audience.discard(session)
    assert audience.deliver([Left("c")], surroundings) == 0
    assert codec.encoded == 0
    assert not audience.groups


def test_a_session_that_is_added_twice_hears_once() -> None:
    session, surroundings = Session(FakePeer(), JsonCodec()), FakeSurroundings()
    audience = Audience([session, session])
    audience.add(session)
    assert len(audience) == 1
    assert audience.deliver([Left("c")], surroundings) == 1


def test_receivers_are_served_in_the_order_in_which_they_came() -> None:
    codec = JsonCodec()
    sessions = [Session(FakePeer(str(number)), codec) for number in range(5)]
    senders = RecordingSenders()
    Audience(sessions).deliver([Left("c")], senders)
    assert senders.peers == ["0", "1", "2", "3", "4"]


def test_a_binary_payload_reaches_everybody_as_their_codec_writes_it() -> None:
    surroundings, protobuf = FakeSurroundings(), ProtobufCodec()
    sessions = [Session(FakePeer(), codec) for codec in (JsonCodec(), protobuf)]
    event = Relayed(258, b"\x00\xff")
    Audience(sessions).relay(event, surroundings)
    assert [session.peer.sent for session in sessions] == [  # type: ignore[attr-defined]
        [(BINARY, b"\x00\x00\x01\x02\x00\xff")],
        [(BINARY, protobuf.encode(event))],
    ]


def test_events_of_one_turn_travel_as_one_piece_and_only_a_crowd_is_sent_to_at_once() -> None:
    codec, senders = JsonCodec(), RecordingSenders()
    crowd = Audience(Session(FakePeer(str(number)), codec) for number in range(CROWD))
    few = Audience(Session(FakePeer(str(number)), codec) for number in range(CROWD - 1))
    crowd.deliver([Left("a"), Left("b")], senders, at_once=True)
    crowd.deliver([Left("a")], senders)
    few.deliver([Left("a")], senders, at_once=True)
    assert senders.ways == ["at once", "fan out", "fan out"]
    assert senders.frames[0].count(b'"type":"left"') == 2


def test_what_a_message_belongs_to_goes_with_it_whichever_way_it_is_sent() -> None:
    codec, senders, stream = JsonCodec(), RecordingSenders(), Stream("latest")
    crowd = Audience(Session(FakePeer(str(number)), codec) for number in range(CROWD))
    crowd.deliver([Left("a")], senders, stream, at_once=True)
    crowd.deliver([Left("a")], senders, stream)
    crowd.relay(Relayed(1, b"x"), senders, stream)
    crowd.deliver([Left("a")], senders)
    crowd.relay(Relayed(1, b"x"), senders)
    assert senders.streams == [stream, stream, stream, None, None]


def test_what_went_to_a_crowd_at_once_is_counted_for_whoever_was_in_it_then() -> None:
    senders = FakeSurroundings()
    codec = JsonCodec()
    sessions = [Session(FakePeer(f"peer-{number}"), codec) for number in range(CROWD + 1)]
    first, late = sessions[0], sessions[-1]
    audience = Audience(sessions[:-1])
    audience.deliver([Left("c"), Left("c")], senders, at_once=True)
    audience.add(late)
    audience.add(late)
    audience.deliver([Left("c")], senders, at_once=True)
    audience.discard(first)
    audience.discard(first)
    assert first.peer.messages_out + audience.told_to(first) == 3
    assert sessions[1].peer.messages_out + audience.told_to(sessions[1]) == 3
    assert late.peer.messages_out + audience.told_to(late) == 1


def test_what_the_surroundings_deliver_is_theirs_to_count() -> None:
    codec = JsonCodec()
    few = [Session(FakePeer(f"peer-{number}"), codec) for number in range(3)]
    alone = Audience(few[:1])
    alone.deliver([Left("c")], FakeSurroundings(), at_once=True)
    audience = Audience(few)
    audience.deliver([Left("c")], FakeSurroundings())
    assert [audience.told_to(one) for one in few] == [0, 0, 0]
    assert alone.told_to(few[0]) == 0


def test_who_is_answered_as_well_gets_both_at_the_end_of_the_turn_and_the_others_are_sent_to_at_once() -> None:
    senders, codec = FakeSurroundings(), JsonCodec()
    sessions = [Session(FakePeer(f"peer-{number}"), codec) for number in range(4)]
    audience = Audience()
    for session in sessions:
        audience.add(session)
    reached: list[tuple[str, int]] = []
    senders.send_at_once = lambda wires, message, stream=None: reached.append(("at once", len(list(wires))))  # type: ignore[method-assign]
    senders.fan_out = lambda peers, message, stream=None: reached.append(("fan out", len(list(peers))))  # type: ignore[method-assign]
    assert audience.deliver([Left("c")], senders, at_once=True, answered={sessions[2].peer}) == 4
    assert reached == [("at once", 3), ("fan out", 1)]
    # The four are told together; the surroundings count those whom `fan_out` reaches once more.
    assert [audience.told_to(one) + one.peer.messages_out for one in sessions] == [1, 1, 0, 1]


def test_where_all_but_one_are_answered_nobody_is_sent_to_at_once() -> None:
    senders, codec = FakeSurroundings(), JsonCodec()
    sessions = [Session(FakePeer(f"peer-{number}"), codec) for number in range(3)]
    audience = Audience(sessions)
    audience.deliver([Left("c")], senders, at_once=True, answered={session.peer for session in sessions[1:]})
    assert [audience.told_to(one) for one in sessions] == [0, 0, 0]
    assert senders.deliveries == 3


# -- very many --------------------------------------------------------------------------------------------------------


def lasting(count: int) -> tuple[Audience, list[Session]]:
    """An audience that learns who comes and goes, and who is in it."""
    audience, codec = Audience(), JsonCodec()
    sessions = [Session(FakePeer(str(number)), codec) for number in range(count)]
    for session in sessions:
        audience.add(session)
    return audience, sessions


@pytest.mark.parametrize(
    ("count", "size", "way"),
    [(MANY, 1, "at once"), (MANY + 1, 1, "in slices"), (100, MUCH // 100, "in slices"), (100, MUCH // 200, "at once")],
)
def test_what_would_take_too_long_is_given_out_in_slices(count: int, size: int, way: str) -> None:
    audience, _ = lasting(count)
    senders = RecordingSenders()
    assert audience.deliver([Left("c" * size)], senders, at_once=True) == count
    assert senders.ways == [way]


def test_an_audience_for_one_delivery_is_served_in_one_piece_however_many_they_are() -> None:
    senders, codec = RecordingSenders(), JsonCodec()
    Audience(Session(FakePeer(str(number)), codec) for number in range(MANY + 1)).deliver([Left("c")], senders)
    assert senders.ways == ["fan out"]


def test_what_comes_behind_a_large_delivery_waits_for_it_whatever_it_is() -> None:
    audience, sessions = lasting(MANY + 1)
    world = FakeSurroundings()
    audience.deliver([Left("c")], world, at_once=True)
    for session in sessions[3:]:
        audience.discard(session)
    audience.deliver([Left("d")], world)
    audience.relay(Relayed(1, b"x"), world)
    world.serve()
    for session in sessions[:3]:
        sent = [payload for _, payload in session.peer.sent]  # type: ignore[attr-defined]
        assert [sent[0][-3:-2], sent[1][-3:-2], sent[2]] == [b"c", b"d", b"\x00\x00\x00\x01x"]


def test_an_audience_that_has_become_small_is_served_in_one_piece_again() -> None:
    audience, sessions = lasting(MANY + 1)
    world = FakeSurroundings()
    audience.deliver([Left("c")], world)
    world.serve()
    for session in sessions[3:]:
        audience.discard(session)
    audience.deliver([Left("d")], world)
    assert not world.work
    assert [len(session.peer.sent) for session in sessions[:3]] == [2] * 3  # type: ignore[attr-defined]


def test_what_was_given_out_in_slices_is_counted_for_each_once() -> None:
    audience, sessions = lasting(MANY + 1)
    world = FakeSurroundings()
    audience.deliver([Left("c"), Left("d")], world)
    served, late = sessions[0], Session(FakePeer("late"), sessions[0].codec)
    audience.add(late)
    world.serve(steps=1)
    audience.deliver([Left("e")], world)
    world.serve()
    assert [one.peer.messages_out + audience.told_to(one) for one in (served, late)] == [3, 1]
    audience.discard(served)
    assert served.peer.messages_out == 3


def test_nobody_may_say_more_while_somebody_misses_too_much() -> None:
    audience, _ = lasting(MANY + 1)
    world = FakeSurroundings()
    audience.judge_room()
    audience.deliver([Left("c" * BACKLOG)], world)
    with pytest.raises(ChatError) as caught:
        audience.judge_room()
    assert (caught.value.code, caught.value.retry) == ("rate_limited", True)
    world.serve()
    audience.judge_room()
    assert audience.sliced
