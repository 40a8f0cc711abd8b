from wsserver.websocket.codes import BINARY
from wsserver.websocket.prepared import PreparedMessage, join_messages


def test_a_prepared_message_carries_its_whole_frame():
    message = PreparedMessage(b"abc", BINARY)
    assert (message.payload, message.opcode, bytes(message.frame)) == (b"abc", BINARY, b"\x82\x03abc")


def test_messages_to_the_same_clients_travel_as_one_piece():
    one, two = PreparedMessage(b"one"), PreparedMessage(b"two", BINARY)
    assert join_messages([one]) is one
    assert join_messages([one, two]).frame == one.frame + two.frame
