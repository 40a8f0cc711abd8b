from wsserver.websocket.codes import BINARY
from wsserver.websocket.prepared import PreparedMessage


def test_a_prepared_message_carries_its_whole_frame():
    message = PreparedMessage(b"abc", BINARY)
    assert (message.payload, message.opcode, bytes(message.frame)) == (b"abc", BINARY, b"\x82\x03abc")
