"""The dearest inputs of at most 64 KiB that were thought of, for every parser there is.

Each is (path or "" for plain HTTP, what goes before and is not measured, the input). Read next: `test_turns.py`.
"""

from tests.attacks.catalogue import CHUNKED, HISTORY, OFFER, fill, head, packed, say
from tests.clients.rig import upgrade
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

MOST = 64 * 1024


def many(unit):
    """As many of it as fit into 64 KiB."""
    return fill(unit, MOST)


def header(name, value):
    return f"{name}: {value}\r\n"


def text(payload):
    return frame(TEXT, payload)


def publish(data):
    return text(b'{"type":"publish","topic":"t","data":' + data + b"}")


JOIN = say(type="join", channel="c", user="u")

HEADS = {
    "lines that never end": b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nA: " + b"a" * 8000,
    "no HTTP at all": many(b"\xff\x00"),
    "98 short headers": many(head("/livez", extra="".join(f"a{n}: \r\n" for n in range(98)))),
    "95 long headers": many(head("/livez", extra="".join(f"a{n}: {'x' * 140}\r\n" for n in range(95)))),
    "one header 98 times": many(head("/livez", extra="a: b\r\n" * 98)),
    "requests for a page": many(head("/")),
    "requests for health": many(head("/livez")),
    "requests for nothing": many(head("/nothing.html")),
    "requests that are refused": many(head("/x.html", "POST")),
    "a host of 8,000 characters": many(head("/").replace(b"localhost", b"a" * 8000)),
    "a cookie of backslashes": many(head(extra=header("Cookie", 'a="' + "\\" * 8000))),
    "white space around a value": many(head(extra=header("a", " " * 8000 + "b"))),
    "a name of 8,000 characters": many(head(extra=header("a" * 8000, "b"))),
    "escapes": many(head("/" + "%41" * 2700)),
    "escapes of long characters": many(head("/" + "%f0%9f%98%80" * 670)),
    "escapes, the last one broken": many(head("/" + "%41" * 2690 + "%zz")),
    "slashes": many(head("/" * 8100)),
    "folders": many(head("/" + "a/" * 4000 + "a.html")),
    "ways up": many(head("/" + "../" * 2700)),
    "dots": many(head("/" + "a." * 4000)),
    "ranges": many(head(extra=header("Range", "bytes=" + "0-," * 2600))),
    "a range of 8,000 digits": many(head(extra=header("Range", "bytes=" + "9" * 8000 + "-"))),
    "a range of spaces": many(head(extra=header("Range", "bytes=" + " " * 8000 + "x"))),
    "dates": many(head(extra=header("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"))),
    "an offer of 400 extensions": many(
        upgrade("/echo", header("Sec-WebSocket-Extensions", ",".join(["permessage-deflate"] * 400)))
    ),
    "an offer of 1,000 parameters": many(
        upgrade("/echo", header("Sec-WebSocket-Extensions", "permessage-deflate" + ";a=1" * 1900))
    ),
    "an offer with a string that never ends": many(
        upgrade("/echo", header("Sec-WebSocket-Extensions", 'permessage-deflate;a="' + "\\a" * 3900))
    ),
    "an offer of 1,000 subprotocols": many(upgrade("/echo", header("Sec-WebSocket-Protocol", "a," * 3900))),
    **{
        f"{name} of {unit!r}": many(head(extra=header(name, (unit * 8000)[:7900]) * 2))
        for name in ("Connection", "Upgrade", "If-None-Match", "If-Match", "Accept", "Expect", "Transfer-Encoding")
        for unit in (",", "a,", " ,", '"a",')
    },
}

BODIES = {
    "chunks of one byte": CHUNKED + many(b"1\r\nx\r\n"),
    "chunks of one byte behind many zeros": CHUNKED + many(b"0000000000000001\r\nx\r\n"),
    "chunks of one byte behind 256 extensions": CHUNKED + b"1" + b";a" * 128 + b"\r\nx\r\n" + many(b"1\r\nx\r\n"),
    "trailers": many(CHUNKED + b"0\r\n" + b"a:\r\n" * 99 + b"\r\n"),
    "empty bodies": many(CHUNKED + b"0\r\n\r\n"),
    "bodies of one byte": many(head("/x", "POST", "Content-Length: 1\r\n") + b"x"),
    "a body of 64 KiB": head("/x", "POST", "Content-Length: 65536\r\n") + bytes(MOST),
}

FRAMES = {
    "messages of one byte": many(frame(BINARY, b"x")),
    "texts of one byte": many(frame(TEXT, b"x")),
    "texts of nothing": many(frame(TEXT)),
    "texts of one character of two bytes": many(frame(TEXT, "é".encode())),
    "pings": many(frame(PING)),
    "pongs": many(frame(PONG)),
    "closes": many(frame(CLOSE)),
    "fragments of nothing": frame(TEXT, fin=False) + many(frame(CONTINUATION, fin=False)),
    "fragments of one byte": (
        frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * 1022 + frame(CONTINUATION, b"x")
    )
    * 8,
    "64 KiB of ASCII": frame(TEXT, b"x" * 65536),
    "64 KiB of characters of two bytes": frame(TEXT, "é".encode() * 32768),
    "64 KiB of characters of four bytes": frame(TEXT, "😀".encode() * 16384),
    "64 KiB, the last byte wrong": frame(TEXT, b"x" * 65535 + b"\xff"),
    "64 KiB of bytes": frame(BINARY, bytes(65536)),
    "messages of 1,000 bytes": many(frame(BINARY, bytes(1000))),
    "texts of 4,098 bytes": many(frame(TEXT, "é".encode() * 2049)),
    "messages of 126 bytes": many(frame(BINARY, bytes(126))),
    "lengths in a long form": many(frame(BINARY, b"x", width=8)),
}

COMMANDS = {
    "unknown types": many(text(b'{"type":"x"}')),
    "no JSON": many(text(b"{")),
    "a type of 64 KiB": say(type="x" * 65000),
    "a channel of 64 KiB": say(type="join", channel="x" * 65000),
    "a user of 20 KiB": say(type="join", channel="x", user="é" * 10000),
    "messages to a channel that is not joined": many(say(type="message", channel="x" * 250, text="y")),
    "joins": b"".join(say(type="join", channel=f"{n}" * 20) for n in range(100, 400)),
    "joins of the same": many(JOIN),
    "joins and leaves": many(say(type="join", channel="c") + say(type="leave", channel="c")),
    "subscriptions": b"".join(say(type="subscribe", topic=f"{n}" * 20) for n in range(100, 400)),
    "publications": many(publish(b"1")),
    "arrays in arrays": publish(b"[" * 65000),
    "arrays in arrays that close": publish(b"[" * 32000 + b"]" * 32000),
    "arrays in arrays as deep as allowed": many(publish(b"[" * 500 + b"]" * 500)),
    "20,000 empty arrays": publish(b"[" + b"[]," * 21000 + b"[]]"),
    "20,000 empty objects": publish(b"[" + b"{}," * 21000 + b"{}]"),
    "32,000 numbers": publish(b"[" + b"1," * 32000 + b"1]"),
    "16,000 floats": publish(b"[" + b"1e9," * 16000 + b"1]"),
    "20,000 strings": publish(b"[" + b'"",' * 21000 + b"1]"),
    "7,000 keys": publish(b"{" + b",".join(b'"%d":1' % n for n in range(7000)) + b"}"),
    "10,000 escapes": publish(b'"' + b"\\u00e9" * 10800 + b'"'),
    "a float of 65,000 digits": publish(b"0." + b"1" * 65000),
    "an integer of 65,000 digits": publish(b"1" * 65000),
    "integers of 4,000 digits": many(publish(b"1" * 4000)),
    "floats of 900 digits": many(publish(b"0." + b"123456789" * 100)),
    "an id of 65,000 digits": text(b'{"type":"ping","id":' + b"1" * 65000 + b"}"),
    "ids of 4,000 digits": many(text(b'{"type":"ping","id":' + b"1" * 4000 + b"}")),
    "7,000 fields that mean nothing": text(b'{"type":"ping",' + b",".join(b'"%d":1' % n for n in range(7000)) + b"}"),
    "one field 4,500 times": text(b"{" + b'"type":"ping",' * 4500 + b'"a":1}'),
    "a multicast to 8,500 users": text(
        b'{"type":"multicast","text":"x","to":[' + b",".join(b'"%d"' % n for n in range(8500)) + b"]}"
    ),
    "a multicast to oneself 16,000 times": JOIN
    + text(b'{"type":"multicast","text":"x","to":[' + b'"u",' * 15900 + b'"u"]}'),
    "directs to nobody": many(say(type="direct", to="nobody", text="y")),
    "broadcasts": many(say(type="broadcast", text="y")),
    "requests for figures": many(say(type="request", method="stats")),
    "requests for channels": many(say(type="request", method="channels")),
    "an echo of 20,000 objects": text(b'{"type":"request","method":"echo","params":[' + b"{}," * 21000 + b"{}]}"),
    "binary messages that are too short": many(frame(BINARY, b"xx")),
    "binary messages for no channel": many(frame(BINARY, b"xxxxyy")),
}

MEMBERS = {
    "presence": many(say(type="presence", channel="c")),
    "messages of one character": many(say(type="message", channel="c", text="y")),
    "messages with ids and keys": b"".join(
        say(type="message", channel="c", text="y", id=n, key=f"{n}") for n in range(800)
    ),
    "messages of 1,000 characters": many(say(type="message", channel="c", text="y" * 980)),
    "pages of history": HISTORY * 64,
    "joins with history": say(type="join", channel="full", history=300) * 64,
}

BOMBS = {
    "a bomb of 60 MiB": packed(bytes(60 << 20)),
    "bombs just below the limit": many(packed(bytes(65536))),
    "messages that are packed and empty": many(frame(BINARY, b"\0", rsv=4)),
    "blocks that say they are the last": many(frame(BINARY, b"\x03\0" * 60, rsv=4)),
    "blocks of nothing": frame(BINARY, b"\0\0\0\xff\xff" * 13000, rsv=4),
    "64 KiB to be packed": frame(TEXT, bytes(range(32, 127)) * 680),
}

INPUTS = {
    **{name: ("", b"", data) for name, data in {**HEADS, **BODIES}.items()},
    **{name: ("/echo", b"", data) for name, data in FRAMES.items()},
    **{name: ("/chat", b"", data) for name, data in COMMANDS.items()},
    **{name: ("/chat", JOIN + say(type="join", channel="full"), data) for name, data in MEMBERS.items()},
    **{name: (OFFER, b"", data) for name, data in BOMBS.items()},
}
