"""The face of a codec."""

import inspect

from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec


def test_the_json_codec_has_the_face_that_the_chat_asks_for() -> None:
    for name, method in inspect.getmembers(Codec, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(JsonCodec, name)) == inspect.signature(method)
    codec: Codec = JsonCodec()
    assert codec.opcode == 1
