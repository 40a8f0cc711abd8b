"""Who hears, and how often an event is encoded for them."""

from collections.abc import Iterable

from tests.chat.fakes import FakePeer, FakeSurroundings
from wsserver.chat.audience import CROWD, Audience
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import ProtobufCodec
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Event, Left, Relayed
from wsserver.clients.router import Peer, Stream, Wire
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
    audience = Audience(few)
    audience.deliver([Left("c")], FakeSurroundings(), at_once=True)
    audience.deliver([Left("c")], FakeSurroundings())
    assert [audience.told_to(one) for one in few] == [0, 0, 0]
