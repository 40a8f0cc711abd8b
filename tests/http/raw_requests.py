"""Raw requests and what becomes of them: shared by the tests of the parser and by the comparison with h11.

Each case is (sentence, bytes, how many requests come out, status of the error behind them or None).
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One input and its outcome."""

    name: str
    raw: bytes
    accepted: int
    status: int | None


def get(*lines: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a.example\r\n") -> bytes:
    """Return a request without a body, with these header lines behind Host."""
    return line + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(body: bytes, *lines: bytes) -> bytes:
    """Return a POST with these header lines, which frame `body`, or fail to."""
    return get(*lines, line=b"POST / HTTP/1.1") + body


def head_of(size: int) -> bytes:
    """Return a request of exactly that many bytes, none of its lines too long."""
    lines = [b"X: " + b"a" * 8000, b"Y: " + b"a" * 8000, b"Z: "]
    lines[-1] += b"a" * (size - len(get(*lines)))
    return get(*lines)


def chunked(body: bytes) -> bytes:
    """Return a POST whose body is `body`, chunks and all."""
    return post(body, b"Transfer-Encoding: chunked")


def good(name: str, raw: bytes, accepted: int = 1) -> Case:
    """Return a case in which all of `raw` is accepted."""
    return Case(name, raw, accepted, None)


def bad(name: str, raw: bytes, status: int = 400, accepted: int = 0) -> Case:
    """Return a case that ends in an error."""
    return Case(name, raw, accepted, status)


def waits(name: str, raw: bytes, accepted: int = 0) -> Case:
    """Return a case in which more bytes are needed."""
    return Case(name, raw, accepted, None)


LINES = (
    good("a plain request", get()),
    good("a request of HTTP/1.0 without Host", get(line=b"GET / HTTP/1.0", host=b"")),
    good("a query", get(line=b"GET /a?b=c&d=%00 HTTP/1.1")),
    good("an absolute target", get(line=b"GET http://a.example/x?y HTTP/1.1")),
    good("an absolute target in other case", get(line=b"GET HTTP://A.Example/x HTTP/1.1")),
    good("an absolute target without a path", get(line=b"GET http://a.example?y HTTP/1.1")),
    good("HEAD", get(line=b"HEAD / HTTP/1.1")),
    good("a method that pages will refuse", get(line=b"DELETE / HTTP/1.1")),
    good("one empty line before the request", b"\r\n" + get()),
    bad("two empty lines before the request", b"\r\n\r\n" + get()),
    bad("an empty line of LF alone", b"\n" + get()),
    bad("a space before the method", b" " + get()),
    bad("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    bad("a WebSocket frame", b"\x81\x85\x00\x00\x00\x00hello"),
    bad("bytes above 0x7f", b"\xff\xfe" + get()),
    bad("LF alone behind the request line", b"GET / HTTP/1.1\nHost: a.example\r\n\r\n"),
    bad("LF alone everywhere", b"GET / HTTP/1.1\nHost: a.example\n\n"),
    bad("a bare CR in the request line", b"GET / HTTP/1.1\rX\r\nHost: a.example\r\n\r\n"),
    bad("CR CR LF behind the request line", b"GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n"),
    bad("two spaces behind the method", get(line=b"GET  / HTTP/1.1")),
    bad("two spaces behind the target", get(line=b"GET /  HTTP/1.1")),
    bad("a space behind the version", get(line=b"GET / HTTP/1.1 ")),
    bad("a tab between the parts", get(line=b"GET\t/ HTTP/1.1")),
    bad("a vertical tab between the parts", get(line=b"GET\x0b/\x0bHTTP/1.1")),
    bad("a form feed between the parts", get(line=b"GET\x0c/ HTTP/1.1")),
    bad("a no-break space between the parts", get(line=b"GET\xa0/ HTTP/1.1")),
    bad("no version", get(line=b"GET /")),
    bad("a method alone", get(line=b"GET")),
    bad("four parts", get(line=b"GET / a HTTP/1.1")),
    bad("a method that is no token", get(line=b"GE(T / HTTP/1.1")),
    bad("a method with a colon", get(line=b"GET: / HTTP/1.1")),
    bad("a method with a byte above 0x7f", get(line=b"G\xc3\x89T / HTTP/1.1")),
    bad("a method in lower case", get(line=b"get / HTTP/1.1"), 501),
    bad("an unknown method", get(line=b"BREW / HTTP/1.1"), 501),
    bad("a method of more than 16 bytes", get(line=b"A" * 17 + b" / HTTP/1.1"), 501),
    bad("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    bad("HTTP/2.0", get(line=b"GET / HTTP/2.0"), 505),
    bad("HTTP/0.9", get(line=b"GET / HTTP/0.9"), 505),
    bad("HTTP/1.2", get(line=b"GET / HTTP/1.2"), 505),
    bad("HTTP/1.32", get(line=b"GET / HTTP/1.32")),
    bad("HTTP/1.1x", get(line=b"GET / HTTP/1.1x")),
    bad("HTTP/01.1", get(line=b"GET / HTTP/01.1")),
    bad("HTTP/1", get(line=b"GET / HTTP/1")),
    bad("http/1.1", get(line=b"GET / http/1.1")),
    bad("another protocol", get(line=b"GET / RTSP/1.0")),
    bad("a version with a sign", get(line=b"GET / HTTP/+1.1")),
    bad("a version with Arabic digits", get(line="GET / HTTP/١.١".encode())),
    bad("a relative target", get(line=b"GET a HTTP/1.1")),
    bad("a target with userinfo", get(line=b"GET @a.example HTTP/1.1")),
    bad("a target that is a query", get(line=b"GET ?a HTTP/1.1")),
    bad("an asterisk for GET", get(line=b"GET * HTTP/1.1")),
    bad("an asterisk for OPTIONS", get(line=b"OPTIONS * HTTP/1.1"), 405),
    bad("CONNECT", get(line=b"CONNECT a.example:443 HTTP/1.1", host=b"Host: a.example:443\r\n"), 405),
    bad("an authority for GET", get(line=b"GET a.example:443 HTTP/1.1")),
    bad("an absolute target of another scheme", get(line=b"GET ftp://a.example/ HTTP/1.1")),
    bad("an absolute target for another host", get(line=b"GET http://b.example/ HTTP/1.1")),
    bad("an absolute target for another port", get(line=b"GET http://a.example:81/ HTTP/1.1")),
    bad("an absolute target with userinfo", get(line=b"GET http://x@a.example/ HTTP/1.1")),
    bad("an absolute target and no Host", get(line=b"GET http://a.example/ HTTP/1.0", host=b"")),
    bad("a fragment", get(line=b"GET /#a HTTP/1.1")),
    bad("a backslash", get(line=b"GET /..\\a HTTP/1.1")),
    bad("a raw byte above 0x7f", get(line=b"GET /\xc3\xa9 HTTP/1.1")),
    bad("NUL in the target", get(line=b"GET /\x00 HTTP/1.1")),
    bad("DEL in the target", get(line=b"GET /\x7f HTTP/1.1")),
    bad("NUL, encoded", get(line=b"GET /%00 HTTP/1.1")),
    bad("CR LF, encoded", get(line=b"GET /%0d%0aX:%20y HTTP/1.1")),
    bad("DEL, encoded", get(line=b"GET /%7f HTTP/1.1")),
    bad("an escape cut short", get(line=b"GET /%a HTTP/1.1")),
    bad("an escape that is none", get(line=b"GET /%zz HTTP/1.1")),
    bad("an escape with a sign", get(line=b"GET /%+1 HTTP/1.1")),
    bad("an escape that is not UTF-8", get(line=b"GET /%ff HTTP/1.1")),
    bad("a slash in an overlong form", get(line=b"GET /%c0%af HTTP/1.1")),
    bad("a surrogate, encoded", get(line=b"GET /%ed%a0%80 HTTP/1.1")),
    good("dots, encoded", get(line=b"GET /%2e%2e/a HTTP/1.1")),
    good("an escape of an escape", get(line=b"GET /%252e HTTP/1.1")),
    good("a request line of 8192 bytes", get(line=b"GET /%b HTTP/1.1" % (b"a" * 8178))),
    bad("a request line of 8193 bytes", get(line=b"GET /%b HTTP/1.1" % (b"a" * 8179)), 414),
    bad("a request line without end", b"GET /" + b"a" * 9000, 414),
)

HEADERS = (
    good("a header without a value", get(b"X-A:")),
    good("a header with white space around its value", get(b"X-A: \t a b \t ")),
    good("a header with bytes above 0x7f", get(b"X-A: caf\xc3\xa9")),
    good("a header with a no-break space around its value", get(b"X-A: \xa0a\xa0")),
    good("a header with a colon in its value", get(b"X-A: b: c")),
    good("a name of odd token characters", get(b"!#$%&'*+-.^_`|~09: a")),
    good("100 headers", get(*[b"X-%d: a" % i for i in range(99)])),
    bad("101 headers", get(*[b"X-%d: a" % i for i in range(100)]), 431),
    bad("10,000 headers of one name", get(*[b"X: a"] * 10000), 431),
    good("a header line of 8192 bytes", get(b"X: " + b"a" * 8189)),
    bad("a header line of 8193 bytes", get(b"X: " + b"a" * 8190), 431),
    bad("a header line without end", get()[:-2] + b"X: " + b"a" * 9000, 431),
    good("a head of 16384 bytes", head_of(16384)),
    bad("a head of 16385 bytes", head_of(16385), 431),
    bad("a head with more lines than fit", get(*[b"X: " + b"a" * 200] * 90), 431),
    bad("no colon", get(b"X-A")),
    bad("an empty name", get(b": a")),
    bad("a space before the colon", get(b"X-A : a")),
    bad("a tab before the colon", get(b"X-A\t: a")),
    bad("a space in the name", get(b"X A: a")),
    bad("a byte above 0x7f in the name", get(b"X-\xe9: a")),
    bad("a slash in the name", get(b"X/A: a")),
    bad("NUL in the name", get(b"X\x00: a")),
    bad("NUL in the value", get(b"X: a\x00b")),
    bad("DEL in the value", get(b"X: a\x7fb")),
    bad("a control character in the value", get(b"X: a\x01b")),
    bad("ESC in the value", get(b"X: a\x1b[2J")),
    bad("a vertical tab around the value", get(b"X: \x0ba")),
    bad("a form feed around the value", get(b"X: a\x0c")),
    bad("a file separator around the value", get(b"X: a\x1c")),
    bad("a bare CR in the value", get(b"X: a\rb")),
    bad("a bare CR that starts a header", get(b"X: a\rContent-Length: 5")),
    bad("CR CR LF behind a header", get(b"X: a\r")),
    bad("LF alone behind a header", b"GET / HTTP/1.1\r\nHost: a.example\nX: a\r\n\r\n"),
    bad("LF alone at the end of the head", b"GET / HTTP/1.1\r\nHost: a.example\r\n\n"),
    bad("white space before the first header", b"GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"),
    bad("a folded header", get(b"X: a", b" b")),
    bad("a header folded with a tab", get(b"X: a", b"\tb")),
    bad("a line of white space", get(b" ")),
    bad("no Host", get(host=b"")),
    bad("two Hosts", get(b"Host: a.example")),
    bad("two different Hosts", get(b"Host: b.example")),
    bad("an empty Host", get(host=b"Host:\r\n")),
    bad("a Host with a slash", get(host=b"Host: a.example/b\r\n")),
    bad("a Host with a question mark", get(host=b"Host: a.example?b\r\n")),
    bad("a Host with a hash", get(host=b"Host: a.example#b\r\n")),
    bad("a Host with userinfo", get(host=b"Host: b@a.example\r\n")),
    bad("a Host with a space", get(host=b"Host: a.example b\r\n")),
    bad("a Host with a comma", get(host=b"Host: a.example,b.example\r\n")),
    bad("a Host with a port that is none", get(host=b"Host: a.example:http\r\n")),
    bad("a Host with a port too high", get(host=b"Host: a.example:65536\r\n")),
    bad("a Host that is no address", get(host=b"Host: [1:2]\r\n")),
    bad("two Hosts in HTTP/1.0", get(b"Host: b.example", line=b"GET / HTTP/1.0")),
    good("a Host that is an IPv6 address", get(host=b"Host: [::1]:8080\r\n")),
    good("a Host with an empty port", get(host=b"Host: a.example:\r\n")),
    bad("an expectation that is not met", get(b"Expect: 200-ok"), 417),
    bad("an expectation among others", get(b"Expect: 100-continue, gold"), 417),
    waits("half a request line", b"GET / HT"),
    waits("a head without its last line", get()[:-2]),
    waits("a head without its last byte", get()[:-1]),
    waits("an empty line and no more", b"\r\n"),
)

BODIES = (
    good("a body of a given length", post(b"hello", b"Content-Length: 5")),
    good("a body of length 0", post(b"", b"Content-Length: 0")),
    good("a length with zeros in front", post(b"hello", b"Content-Length: 005")),
    good("a GET with a body", get(b"Content-Length: 5") + b"hello"),
    waits("a body that is not complete", post(b"hell", b"Content-Length: 5")),
    good("a body of 65536 bytes", post(b"a" * 65536, b"Content-Length: 65536")),
    bad("a body of 65537 bytes, announced", post(b"", b"Content-Length: 65537"), 413),
    bad("a body of 18 digits", post(b"", b"Content-Length: 999999999999999999"), 413),
    bad("a body of 19 digits", post(b"", b"Content-Length: 1000000000000000000")),
    bad("two lengths", post(b"hello", b"Content-Length: 5", b"Content-Length: 6")),
    bad("two equal lengths", post(b"hello", b"Content-Length: 5", b"Content-Length: 5")),
    *(
        bad(f"the length {value!r}", post(b"hello", b"Content-Length: " + value))
        for value in (b"5, 5", b"", b"+5", b"-1", b"1_0", b"5 6", b"0x5", b"5.0", b"5;", "٥".encode(), b"\xb2", b"five")
    ),
    bad("a length and a transfer coding", post(b"0\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    bad("a transfer coding and a length", post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Content-Length: 5")),
    bad("a transfer coding before chunked", post(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"), 501),
    *(
        bad(f"the transfer coding {value!r}", post(b"0\r\n\r\n", b"Transfer-Encoding: " + value))
        for value in (
            b"chunked, identity", b"identity", b"gzip", b"xchunked", b"chunkedx", b",chunked", b"chunked,", b"",
            b"chunked, chunked", b"chunked;q=1", b"\x0bchunked", b"\xa0chunked", b'"chunked"', b"x, chunked",
        )
    ),
    bad("two transfer codings", post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")),
    bad("a transfer coding in a second line", post(b"", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")),
    bad("a transfer coding in HTTP/1.0", get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0") + b"0\r\n\r\n"),
)  # fmt: skip

CHUNKS = (
    good("a transfer coding in capitals", post(b"0\r\n\r\n", b"Transfer-Encoding: CHUNKED")),
    good("chunks", chunked(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")),
    good("sizes in any case and with zeros", chunked(b"0A\r\nhellohello\r\na\r\nhellohello\r\n000\r\n\r\n")),
    good("extensions", chunked(b'5;a;b=c;d="e f"\r\nhello\r\n0;x\r\n\r\n')),
    good("trailers", chunked(b"0\r\nX-Sum: abc\r\nX-Other:\r\n\r\n")),
    waits("chunks without the last line", chunked(b"5\r\nhello\r\n0\r\n")),
    waits("chunks without the last chunk", chunked(b"5\r\nhello\r\n")),
    *(
        bad(f"the chunk size {size!r}", chunked(size + b"\r\nhello\r\n0\r\n\r\n"))
        for size in (b"0x5", b"+5", b"-5", b" 5", b"5 ", b"5\t", b"5_0", b"", b"g", b"5 ;a", "٥".encode(), b"5,5")
    ),
    bad("a chunk size of 17 digits", chunked(b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n")),
    bad("a chunk size of 16 digits", chunked(b"f" * 16 + b"\r\n"), 413),
    bad("a chunk larger than a body may be", chunked(b"10001\r\n"), 413),
    bad("chunks that add up to too much", chunked(b"8000\r\n" + b"a" * 0x8000 + b"\r\n8001\r\n"), 413),
    bad("257 bytes of extensions", chunked(b"5;" + b"a" * 256 + b"\r\nhello\r\n0\r\n\r\n")),
    bad("257 bytes of extensions in all", chunked(b"1;aaaa\r\na\r\n" * 60 + b"0\r\n\r\n")),
    bad("an extension with NUL", chunked(b"5;a\x00\r\nhello\r\n0\r\n\r\n")),
    bad("an extension with a bare CR", chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    bad("an extension with a bare LF", chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n")),
    bad("an extension without a name", chunked(b"5;\r\nhello\r\n0\r\n\r\n")),
    bad("a quotation without end", chunked(b'5;a="b\r\nhello\r\n0\r\n\r\n')),
    bad("LF alone behind a size", chunked(b"5\nhello\r\n0\r\n\r\n")),
    bad("LF alone behind the data", chunked(b"5\r\nhello\n0\r\n\r\n")),
    bad("nothing behind the data", chunked(b"5\r\nhello0\r\n\r\n")),
    bad("more data than the size says", chunked(b"5\r\nhello!\r\n0\r\n\r\n")),
    bad("two bytes of any kind behind the data", chunked(b"5\r\nhelloXX0\r\n\r\n")),
    *(
        bad(f"the trailer {line!r}", chunked(b"0\r\n" + line + b"\r\n\r\n"))
        for line in (
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Host: b",
            b"X : a",
            b" X: a",
            b": a",
            b"X: \0",
        )
    ),
    bad("101 trailers", chunked(b"0\r\n" + b"X: a\r\n" * 101 + b"\r\n"), 431),
    bad("a long trailer", chunked(b"0\r\nX: " + b"a" * 9000), 431),
    bad("many long trailers", chunked(b"0\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 3 + b"\r\n"), 431),
)

SEQUENCES = (
    good("two requests in one read", get() + get(line=b"GET /b HTTP/1.1"), 2),
    good("17 requests in one read", get() * 17, 17),
    good("requests with bodies", post(b"hello", b"Content-Length: 5") + chunked(b"1\r\na\r\n0\r\n\r\n") + get(), 3),
    good("an empty line behind a body", post(b"a", b"Content-Length: 1") + b"\r\n" + get(), 2),
    bad("two empty lines between requests", get() + b"\r\n\r\n" + get(), accepted=1),
    bad("a broken request behind a good one", get() + b"GET /\r\n\r\n" + get(), accepted=1),
    bad("a body that was not announced", post(b'{"a":1}\r\n'), accepted=1),
    good("bytes behind Connection: close", get(b"Connection: close") + get()),
    good("bytes behind Connection: Close, in a list", get(b"Connection: x, Close") + get()),
    good("bytes behind HTTP/1.0", get(line=b"GET / HTTP/1.0") + get()),
    good("HTTP/1.0 with keep-alive", get(b"Connection: Keep-Alive", line=b"GET / HTTP/1.0") + get(), 2),
    waits("half a request behind a good one", get() + b"GET /", 1),
)

CASES = (*LINES, *HEADERS, *BODIES, *CHUNKS, *SEQUENCES)
