"""Who hears, and how often an event is encoded for them."""

from tests.chat.fakes import FakePeer, FakeSurroundings
from wsserver.chat.audience import CROWD, Audience
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.session import Session
from wsserver.chat.vocabulary import Event, Left
from wsserver.websocket.codes import BINARY


class CountingCodec(JsonCodec):
    def __init__(self, opcode: int) -> None:
        super().__init__()
        self.opcode = opcode
        self.encoded = 0

    def encode(self, event: Event) -> bytes:
        self.encoded += 1
        return super().encode(event)


def test_an_event_is_encoded_once_for_each_codec_however_many_hear_it() -> None:
    text, binary, surroundings = CountingCodec(1), CountingCodec(2), FakeSurroundings()
    sessions = [Session(FakePeer(), codec) for codec in (text, binary) for _ in range(10)]
    assert Audience(sessions).deliver([Left("c")], surroundings.fan_out) == 20
    assert (text.encoded, binary.encoded) == (1, 1)
    assert [session.peer.sent[0][0] for session in sessions] == [1] * 10 + [2] * 10  # type: ignore[attr-defined]


def test_a_codec_that_nobody_uses_any_more_costs_nothing() -> None:
    codec, surroundings = CountingCodec(1), FakeSurroundings()
    session = Session(FakePeer(), codec)
    audience = Audience([session])
    audience.discard(session)
    audience.discard(session)
    assert audience.deliver([Left("c")], surroundings.fan_out) == 0
    assert codec.encoded == 0
    assert not audience.groups


def test_a_session_that_is_added_twice_hears_once() -> None:
    session, surroundings = Session(FakePeer(), JsonCodec()), FakeSurroundings()
    audience = Audience([session, session])
    audience.add(session)
    assert len(audience) == 1
    assert audience.deliver([Left("c")], surroundings.fan_out) == 1


def test_receivers_are_served_in_the_order_in_which_they_came() -> None:
    codec, order = JsonCodec(), []
    sessions = [Session(FakePeer(str(number)), codec) for number in range(5)]
    Audience(sessions).deliver([Left("c")], lambda peers, _message, _at_once: order.extend(peer.id for peer in peers))
    assert order == ["0", "1", "2", "3", "4"]


def test_a_binary_payload_reaches_everybody_as_it_is() -> None:
    surroundings = FakeSurroundings()
    sessions = [Session(FakePeer(), CountingCodec(opcode)) for opcode in (1, 2)]
    Audience(sessions).relay(b"\x00\xff", surroundings.fan_out)
    assert [session.peer.sent for session in sessions] == [[(BINARY, b"\x00\xff")]] * 2  # type: ignore[attr-defined]


def test_events_of_one_turn_travel_as_one_piece_and_only_a_crowd_is_sent_to_at_once():
    pieces = []
    codec = JsonCodec()

    def fan_out(peers, message, at_once=False):
        pieces.append((len(peers), message.frame, at_once))

    audience = Audience(Session(FakePeer(str(number)), codec) for number in range(CROWD))
    audience.deliver([Left("a"), Left("b")], fan_out, at_once=True)
    audience.deliver([Left("a")], fan_out)
    small = Audience(Session(FakePeer(str(number)), codec) for number in range(CROWD - 1))
    small.deliver([Left("a")], fan_out, at_once=True)
    assert [at_once for _, _, at_once in pieces] == [True, False, False]
    assert pieces[0][1].count(b'"type":"left"') == 2
