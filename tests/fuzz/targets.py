"""The targets: what is fuzzed, what is demanded of it, and the words that help a fuzzer to get in.

A target is a function of bytes that returns when all is well and raises when it is not. It reads no clock and draws no
luck, so the same bytes give the same outcome everywhere: under the fuzzer, in the tests, and when an input is replayed.
It knows nothing of the fuzzer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import on_access, on_chat, on_deflate, on_http, on_protobuf, on_settings, on_websocket

CORPUS = Path(__file__).parent / "corpus"
"""Inputs that lead somewhere, in a folder for each target."""


@dataclass(frozen=True)
class Target:
    """One thing to fuzz."""

    name: str
    run: Callable[[bytes], None]
    modules: tuple[str, ...]
    """What it is there to reach, below `wsserver.`."""
    words: tuple[bytes, ...] = ()
    """Tokens of the language that it eats; the fuzzer puts them in here and there."""

    @property
    def corpus(self) -> Path:
        """Where its inputs are kept."""
        return CORPUS / self.name

    def inputs(self) -> list[tuple[str, bytes]]:
        """Return the kept inputs with their names."""
        return [(path.name, path.read_bytes()) for path in sorted(self.corpus.iterdir())]


_LINES = (
    b"GET ", b"HEAD ", b"POST ", b"OPTIONS ", b"CONNECT ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n", b"\r\n\r\n",
    b"Host: a\r\n", b"/", b"?", b"%2e", b"%c3%a9", b"http://a", b"*", b",", b"; ", b"\t", b"\xa0",
)  # fmt: skip
_FRAMING = (
    b"Content-Length: ", b"Transfer-Encoding: ", b"chunked", b"gzip", b"Connection: ", b"close", b"keep-alive",
    b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b";a=\"b\"", b"ffffffff",
)  # fmt: skip
_FILES = (
    b"GET /b.css HTTP/1.1\r\nHost: a\r\n", b"/a.js", b"Range: bytes=", b"0-", b"-5", b"5-9", b"If-None-Match: ",
    b"If-Match: ", b"If-Range: ", b"If-Modified-Since: ", b"Sun, 06 Nov 1994 08:49:37 GMT", b"*", b"W/",
    b'"64-ae1c0f4e7b56200"', b'"0-ae1c0f4e7b56200"',
)  # fmt: skip
_KNOCK = (
    b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"Sec-WebSocket-Version: 13\r\n", b"Sec-WebSocket-Key: ",
    b"dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Protocol: ", b"wsserver.v1.json", b"Sec-WebSocket-Extensions: ",
    b"permessage-deflate", b"Origin: ", b"http://", b"https://chat.example", b"localhost:8080", b"null", b"[::1]",
)  # fmt: skip
_HOSTS = (b"localhost", b"127.0.0.1", b"[::1]", b":8080", b":443", b"http://", b"https://", b"null", b"\n", b"@", b".")
_FRAMES = (
    b"\x81\x80", b"\x82\x80", b"\x01\x80", b"\x80\x80", b"\x00\x80", b"\x88\x80", b"\x89\x80", b"\x8a\x80",
    b"\x81\xfe\x00\x7e", b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", b"\0\0\0\0", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80",
)  # fmt: skip
_TEXT = (b"\xc3\xa9", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xf4\x90", b"\xc0\xaf", b"\xe0\x80")
_OFFERS = (
    b"permessage-deflate", b"; ", b", ", b"=", b'"', b"\\", b"server_no_context_takeover", b"=10", b'="15"', b"=8",
    b"client_no_context_takeover", b"server_max_window_bits", b"client_max_window_bits", b"x-webkit-deflate-frame",
)  # fmt: skip
_DEFLATED = (
    b"\xf2H\xcd\xc9\xc9\x07\0", b"\xf3H\xcd\xc9\xc9\x07\0\0", b"\0\5\0\xfa\xffHello\0", b"\xf2\0\x11\0\0", b"\3\0",
    b"\2\0", b"\0\0\xff\xff", b"\1\0\0\xff\xff",
)  # fmt: skip
_SQUEEZED = (*_FRAMES, *_DEFLATED, b"\xc1\x80", b"\xc2\x80", b"\x41\x80", b"\x42\x80")
_CHAT = (
    b'{"type":"join","channel":"a"}', b'{"type":"message","channel":"a","text":"x","id":1}', b'"id":1', b'"key":"k"',
    b'"since":1', b'"epoch":"', b'"history":0', b'"user":"u"', b'"type":"leave"', b'"type":"broadcast"',
    b'{"type":"direct","to":"u","text":"x","id":2}', b'{"type":"multicast","to":["u"],"text":"x"}',
    b'{"type":"subscribe","topic":"a*"}', b'{"type":"unsubscribe","topic":"a*"}',
    b'{"type":"publish","topic":"ab","data":[1]}', b'{"type":"request","method":"echo","params":{}}',
    b'"time"', b'"whoami"', b'"channels"', b'"stats"', b'{"type":"presence","channel":"a"}',
    b'{"type":"history","channel":"a","before":2}', b'"after":0', b'"limit":1', b'{"type":"auth","token":""}',
    b'{"type":"ping","id":"p"}', b"\n", b"\n\n", b"\n>", b"!\0\0\0\1", b"\n+\n", b"\n-\n", b"\n~\n", b"\\u0000",
    b"\n*\n", b'"epoch":"?"', b"\\ud800", b"null", b"true", b"1e400", b"NaN", b"[[[[", b"{}",
)  # fmt: skip
_ENVELOPES = (
    b"\x0a\1a",
    b"\x12\1a",
    b"\x1a\1x",
    b"\0",
    b"\1",
    b"\x0a",
    b"[1]",
    b'{"a":1}',
    b"\x80\1",
    b"echo",
    b"\xff",
)
_TOKENS = (
    b'{"alg":"HS256"}\n', b'{"sub":"ann","exp":1700000060}', b'"nbf":1700000004', b'"aud":"chat.example"', b'"aud":[',
    b'"channels":["news:*"]', b'"crit":[]', b'"alg":"none"', b'"exp":1e10', b",", b".", b"eyJhbGciOiJIUzI1NiJ9.",
)  # fmt: skip
_SETTINGS = (
    b"server.", b"websocket.", b"limits.", b"chat.", b"presence.", b"log.", b"port=", b"hosts=", b"origins=", b"drain=",
    b"max_message=", b"64KiB", b"25s", b"250ms", b"1e-3", b"true", b"queue_policy=latest", b"rate=0.5", b"\n",
    b'channels."a.b".', b"history=1", b"unix=", b"fd=3",
)  # fmt: skip
_TOML = (
    b"[server]\n", b"[websocket]\n", b"[limits]\n", b"[chat]\n", b'[channels."news:*"]\n', b"port = 0\n", b"[[", b"]]",
    b'"""', b"'''", b"= {", b"}", b"= [", b"]\n", b"# ", b'drain = "250ms"\n', b"hosts = [\"*\"]\n", b"\xef\xbb\xbf",
    b"1979-05-27", b"inf", b"nan", b"0x1f", b"\r\n",
)  # fmt: skip

_REQUEST = ("http.intake", "http.head", "http.request_line", "http.headers", "http.framing", "http.request")

TARGETS = {
    target.name: target
    for target in (
        Target("request", on_http.request, (*_REQUEST, "http.body"), _LINES + _FRAMING),
        Target("chunked", on_http.chunked, ("http.chunked", "http.intake"), _FRAMING),
        Target("target", on_http.target, ("http.target",), _LINES),
        Target("files", on_http.files, ("http.static", "http.conditions", "http.ranges", "http.dates"), _FILES),
        Target("upgrade", on_http.upgrade, ("http.upgrade", "access.origins"), _LINES + _KNOCK),
        Target("origin", on_http.origin, ("http.hosts", "access.origins"), _HOSTS),
        Target("frames", on_websocket.frames, ("websocket.parser", "websocket.messages"), _FRAMES),
        Target("reads", on_websocket.reads, ("websocket.parser", "websocket.messages"), _FRAMES),
        Target("unmasking", on_websocket.unmasking, ("websocket.masking",), (b"\0\0\0\0", b"\xff\xff\xff\xff")),
        Target("utf8", on_websocket.utf8, ("websocket.utf8",), _TEXT),
        Target("close", on_websocket.close, ("websocket.close",), (b"\x03\xe8", b"\x0f\xa0", b"\x13\x87", *_TEXT)),
        Target("extensions", on_deflate.extensions, ("http.extensions", "websocket.deflate"), _OFFERS),
        Target("inflating", on_deflate.inflating, ("websocket.deflate",), _DEFLATED),
        Target("compressing", on_deflate.compressing, ("websocket.deflate",)),
        Target(
            "compressed-frames", on_deflate.compressed_frames, ("websocket.parser", "websocket.messages"), _SQUEEZED
        ),
        Target("chat", on_chat.chat, ("chat",), _CHAT),
        Target("envelopes", on_protobuf.envelopes, ("chat.codec_protobuf",), _ENVELOPES),
        Target("token", on_access.token, ("access.tokens",), _TOKENS),
        Target("assignments", on_settings.assignments, ("config", "configuration.kinds"), _SETTINGS),
        Target("toml", on_settings.toml, ("config", "configuration"), _TOML),
    )
}
"""By name."""
