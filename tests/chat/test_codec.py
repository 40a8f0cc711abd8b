"""The face of a codec."""

import inspect

import pytest

from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.codec_protobuf import ProtobufCodec


@pytest.mark.parametrize(("kind", "opcode"), [(JsonCodec, 1), (ProtobufCodec, 2)])
def test_every_codec_has_the_face_that_the_chat_asks_for(kind: type[Codec], opcode: int) -> None:
    for name, method in inspect.getmembers(Codec, inspect.isfunction):
        if not name.startswith("_"):
            ours, theirs = inspect.signature(getattr(kind, name)), inspect.signature(method)
            assert list(map(str.lstrip, ours.parameters, "_" * 9)) == list(theirs.parameters)
            assert ours.return_annotation == theirs.return_annotation
    assert kind().opcode == opcode
