"""Clients that compress and are handed over, over real sockets: what their messages refer to is known over there."""

import zlib
from random import Random

import pytest

from tests.clients.handing import GO, MOVED, towns
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import TEXT
from wsserver.websocket.deflate import Terms

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate{}\r\n"
CONTEXTS = Terms(window_bits=15, server_context=True)


@pytest.fixture
def make_town():
    with towns() as make:
        yield make


class Deflater:
    """A client's end of permessage-deflate, by hand."""

    def __init__(self, bits=15):
        self.bits = bits
        self.zlib = zlib.compressobj(9, zlib.DEFLATED, -bits)

    def frame(self, payload, flush=zlib.Z_SYNC_FLUSH):
        """One compressed message that may refer to those before it."""
        data = self.zlib.compress(payload) + self.zlib.flush(flush)
        if flush == zlib.Z_SYNC_FLUSH:
            data = data[:-4]
        else:
            self.zlib = zlib.compressobj(9, zlib.DEFLATED, -self.bits)
        return frame(TEXT, data, rsv=4)


TALE = GO + b" " + Random(7).randbytes(1500).hex().encode()
"""Hard to compress, but by who remembers it."""


@pytest.mark.parametrize("bits", range(9, 16))
def test_a_message_that_refers_to_the_one_it_went_with_is_inflated_over_there(make_town, bits):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    head = peer.upgrade(extra=DEFLATE.format(f"; client_max_window_bits={bits}"))
    assert b"client_max_window_bits=%d" % bits in head
    deflater = Deflater(bits)
    peer.send(deflater.frame(TALE))
    town.turn()
    assert town.here.moves == [True]
    tail = TALE[-(1 << bits) + 300 :]
    second = deflater.frame(tail)
    if len(tail) < 1 << bits:
        assert len(second) < len(tail) / 2, "it refers to the first"
    peer.send(second)
    town.turn()
    peer.send(deflater.frame(b"third " + tail))
    town.turn()
    heard = [entry[1] for entry in town.there.router.heard if entry[0] == "message"]
    assert heard == [TALE, tail, b"third " + tail]


def test_one_whose_messages_stand_alone_goes_with_any_of_them(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format("; client_no_context_takeover"))
    for payload in (b"first", b"second", TALE):
        peer.send(Deflater().frame(payload))
    town.turn()
    peer.send(Deflater().frame(b"fourth"))
    town.turn()
    heard = [entry[1] for entry in town.there.router.heard if entry[0] == "message"]
    assert heard == [TALE, b"fourth"]


def test_one_whose_window_has_seen_more_than_that_message_stays(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format(""))
    deflater = Deflater()
    peer.send(deflater.frame(b"first"))
    peer.send(deflater.frame(GO))
    assert town.here.moves == [False]
    peer.send(deflater.frame(b"first"))
    assert town.here.router.heard[-1] == ("message", b"first", TEXT)


def test_plain_messages_before_a_compressed_one_are_in_no_window_but_it_stays(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format(""))
    peer.send_frame(TEXT, b"plain")
    peer.send(Deflater().frame(GO))
    assert town.here.moves == [False]


def test_one_that_agreed_and_compresses_nothing_goes_and_may_begin_over_there(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format(""))
    peer.send_frame(TEXT, b"plain")
    peer.send_frame(TEXT, GO)
    town.turn()
    deflater = Deflater()
    for _ in range(2):
        peer.send(deflater.frame(TALE[3:]))
        town.turn()
    heard = [entry[1] for entry in town.there.router.heard if entry[0] == "message"]
    assert heard == [GO, TALE[3:], TALE[3:]]


def test_a_stream_that_was_ended_with_its_last_block_begins_anew_over_there(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format(""))
    deflater = Deflater()
    peer.send(deflater.frame(TALE, zlib.Z_FINISH))
    town.turn()
    assert town.here.moves == [True]
    for _ in range(2):
        peer.send(deflater.frame(TALE))
        town.turn()
    heard = [entry[1] for entry in town.there.router.heard if entry[0] == "message"]
    assert heard == [TALE] * 3


def test_one_to_whom_we_have_compressed_with_a_context_stays(make_town):
    town = make_town(compression=CONTEXTS)
    peer = town.here.connect()
    peer.upgrade(extra=DEFLATE.format(""))
    peer.client.send(TALE)
    town.here.turn()
    peer.send_frame(TEXT, GO)
    assert town.here.moves == [False]


@pytest.mark.parametrize("context", [False, True], ids=["each alone", "with a context"])
def test_what_we_compress_over_there_the_peer_can_inflate(make_town, context):
    town = make_town(compression=Terms(window_bits=12, server_context=context))
    peer, client = town.go(extra=DEFLATE.format(""))
    assert peer.frames() == [MOVED]
    inflater = zlib.decompressobj(-12)
    for _ in range(2):
        client.send(TALE)
        town.turn()
        data = peer.received()
        assert data[0] == 0xC1, "compressed"
        start = 4 if data[1] == 126 else 2
        assert inflater.decompress(data[start:] + b"\0\0\xff\xff") == TALE
        if not context:
            inflater = zlib.decompressobj(-12)
