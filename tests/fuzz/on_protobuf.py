"""What is demanded of the chat when one client speaks protobuf, whatever it says, and another one JSON."""

from collections.abc import Iterator

from msgspec.json import encode

from tests.chat.fakes import FakePeer, FakeSurroundings
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import SUBPROTOCOL, ProtobufCodec
from wsserver.chat.errors import RETRY, ChatError
from wsserver.chat.router import JSON_SUBPROTOCOL, ChatRouter
from wsserver.chat.settings import ChatSettings
from wsserver.chat.vocabulary import AnyCommand, Relay
from wsserver.chat.wsserver_pb2 import Envelope
from wsserver.clients.router import Router
from wsserver.stores.memory import MemoryStore
from wsserver.websocket.codes import BINARY, TEXT

JSON, PROTOBUF = JsonCodec(), ProtobufCodec()
JOIN = b'{"type":"join","channel":"a"}'


def envelopes(data: bytes) -> None:
    """Messages, each behind a byte with its length: what is a command is the same command in JSON, and no answer is
    one that its receiver could not read."""
    world = FakeSurroundings()
    store = MemoryStore(world.random_bytes, world.monotonic)
    router: Router = ChatRouter(ChatSettings(channels=3), store, {JSON_SUBPROTOCOL: JSON, SUBPROTOCOL: PROTOBUF})
    router.attach(world)
    listener, speaker = FakePeer("peer-1"), FakePeer("peer-2", SUBPROTOCOL)
    router.on_open(listener)
    router.on_open(speaker)
    router.on_message(listener, JOIN, TEXT)
    for payload in _pieces(data):
        _compare_with_json(payload)
        if speaker.closed is None:
            router.on_message(speaker, payload, BINARY)
            world.end_turn()
    router.on_close(speaker, 1000, "")
    world.advance(60)
    assert all(opcode == BINARY for opcode, _ in speaker.sent)
    for _, said in speaker.sent:
        envelope = Envelope.FromString(said)
        assert envelope.WhichOneof("body") is not None
        if envelope.WhichOneof("body") == "error":
            assert envelope.error.code in RETRY and envelope.error.code != "internal"


def _pieces(data: bytes) -> Iterator[bytes]:
    while data:
        yield data[1 : 1 + data[0]]
        data = data[1 + data[0] :]


def _compare_with_json(payload: bytes) -> None:
    command: AnyCommand | Relay
    try:
        command = PROTOBUF.decode(payload)
    except ChatError as error:
        assert error.code in ("bad_message", "unknown_type")
        return
    assert PROTOBUF.find_id(payload) == command.id and len(Envelope.FromString(payload).id) <= 64
    if not isinstance(command, Relay):
        assert JSON.decode(encode(command)) == command
