import pytest

from wsserver.http.errors import RequestError
from wsserver.http.target import Target, decode_path, parse_target


@pytest.mark.parametrize(
    ("raw", "path", "query", "authority"),
    [
        (b"/", "/", "", None),
        (b"/a/b?c=d?e", "/a/b", "c=d?e", None),
        (b"/?", "/", "", None),
        (b"//a.example/b", "//a.example/b", "", None),  # a path, not an authority
        (b"/a:b@c", "/a:b@c", "", None),
        (b"http://a.example", "/", "", "a.example"),
        (b"https://A.example:1/b?c", "/b", "c", "A.example:1"),
        (b"http://a.example?c", "/", "c", "a.example"),
        (b"http:///b", "/b", "", ""),
    ],
)
def test_target_is_taken_apart(raw, path, query, authority):
    assert parse_target(raw, "GET") == Target(raw.decode(), path, query, authority)


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/a%20b", "/a b"),
        ("/%c3%A9", "/é"),
        ("/%252e", "/%2e"),  # once
        ("/..%2fa", "/../a"),
        ("/a+b", "/a+b"),
        ("/%F0%9F%98%80", "/😀"),
    ],
)
def test_path_is_decoded_exactly_once(path, decoded):
    assert decode_path(path) == decoded
    assert parse_target(path.encode(), "GET").path == decoded


def test_query_is_not_decoded():
    assert parse_target(b"/a?%00%zz", "GET").query == "%00%zz"


@pytest.mark.parametrize(
    "raw", [b"a", b"", b"*", b"?a", b"@a", b"ftp://a/", b"http:/a", b"/a b", b"/\x80", b"/#", b"/\\"]
)
def test_other_targets_are_refused(raw):
    with pytest.raises(RequestError) as caught:
        parse_target(raw, "GET")
    assert caught.value.status == 400


@pytest.mark.parametrize(("raw", "method"), [(b"a:443", "CONNECT"), (b"*", "OPTIONS")])
def test_targets_that_are_no_resource_get_405_and_what_is_allowed(raw, method):
    with pytest.raises(RequestError) as caught:
        parse_target(raw, method)
    assert (caught.value.status, caught.value.headers) == (405, (("Allow", "GET, HEAD, POST"),))
