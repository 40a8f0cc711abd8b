from wsserver.websocket.codes import BINARY
from wsserver.websocket.deflate import COMPRESS_FROM, Compressor, ContextCompressor
from wsserver.websocket.prepared import PreparedMessage, join_messages


def test_a_prepared_message_carries_its_whole_frame():
    message = PreparedMessage(b"abc", BINARY)
    assert (message.payload, message.opcode, bytes(message.frame)) == (b"abc", BINARY, b"\x82\x03abc")


def test_messages_to_the_same_clients_travel_as_one_piece():
    one, two = PreparedMessage(b"one"), PreparedMessage(b"two", BINARY)
    assert join_messages([one]) is one
    joined = join_messages([one, two])
    assert (joined.frame, joined.count, one.count) == (one.frame + two.frame, 2, 1)
    assert join_messages([one, two, one], Compressor(12)).count == 3


def test_only_large_messages_are_compressed():
    compressor = Compressor(12)
    small, large = PreparedMessage(bytes(COMPRESS_FROM - 1)), PreparedMessage(bytes(COMPRESS_FROM))
    assert not small.is_large
    assert small.encode_for(compressor) is small.frame
    assert large.encode_for(None) is large.frame
    assert len(large.encode_for(compressor)) < 50


def test_a_joined_piece_is_droppable_unless_what_follows_refers_to_it():
    messages = [PreparedMessage(bytes(2000)), PreparedMessage(b"small")]
    for compressor, droppable in ((None, True), (Compressor(12), True), (ContextCompressor(12), False)):
        joined = join_messages(messages, compressor)
        assert joined.droppable is droppable
        assert joined.frame.endswith(b"\x81\x05small")
