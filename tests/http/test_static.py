import errno

import pytest

from tests.http.reading import request
from wsserver.http.dates import format_date
from wsserver.http.errors import RequestError
from wsserver.http.static import AT_ONCE_LIMIT, MIME_TYPES, StaticFiles, split_path

MTIME_NS = 1_700_000_000_123_456_789


class FakeFile:
    """A file in memory; it can be cut after it was opened."""

    def __init__(self, content):
        self.content = content
        self.size = len(content)
        self.mtime_ns = MTIME_NS
        self.closed = False

    def slices(self, start, stop):
        assert not self.closed
        yield self.content[start:stop]
        self.close()

    def close(self):
        self.closed = True


class FakeRoot:
    """What `open_file` is called with and returns."""

    def __init__(self, **contents):
        self.contents = {("index.html",): b"<!doctype html>", ("js", "main.js"): b"0123456789"} | contents
        self.opened = []

    def open(self, parts):
        if parts not in self.contents:
            return None
        self.opened.append(FakeFile(self.contents[parts]))
        return self.opened[-1]


@pytest.fixture
def root():
    return FakeRoot()


@pytest.fixture
def answer(root):
    def ask(path, method="GET", **headers):
        return StaticFiles(root.open).answer(request(method, path, **headers))

    return ask


def test_root_is_the_page(answer, root):
    response = answer("/")
    assert (response.status, response.body) == (200, b"<!doctype html>")
    assert dict(response.headers)["Content-Type"] == "text/html; charset=utf-8"
    assert root.opened[0].closed


def test_file_says_what_it_is_and_which_version(answer):
    headers = dict(answer("/js/main.js").headers)
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["ETag"] == f'"a-{MTIME_NS:x}"'
    assert headers["Last-Modified"] == format_date(1_700_000_000)
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_with_a_file_tells_browsers_to_be_careful(answer, method):
    for extra in ({}, {"If_None_Match": "*"}, {"Range": "bytes=50-"}):
        headers = dict(answer("/js/main.js", method, **extra).headers)
        assert "connect-src 'self' ws://a.example wss://a.example;" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.html",
        "/../index.html",
        "/%2e%2e/index.html",
        "/..%2findex.html",
        "/%252e%252e/index.html",
        "/..%5cindex.html",
        "/./index.html",
        "//index.html",
        "//etc/passwd",
        "/js//main.js",
        "/js/",
        "/js",
        "/js/main.js/",
        "/C:/index.html",
        "/c%3a%5cindex.html",
        "/.index.html",
        "/.git/config.txt",
        "/js/.main.js",
        "/js/../index.html",
        "/main.py",
        "/wsserver.db",
        "/js/main.js~",
        "/js/main.js.bak",
        "/js/main.JS",
        "/html",
        "/index.html%20",
        "/%20index.html",
        "/index.html;a=b",
        "/caf%c3%a9.html",
        "/" + "a" * 252 + ".html",
        "/static-secret/index.html",
    ],
)
def test_whatever_is_not_served_does_not_exist(path, answer, root):
    response, nothing = answer(path), answer("/nothing.html")
    assert (response.status, response.headers, response.body) == (404, nothing.headers, nothing.body)
    assert root.opened == []


def test_path_is_split_into_names_that_mean_nothing_but_themselves():
    assert split_path("/") == ("index.html",)
    assert split_path("/a/b-c_d.1/e.css") == ("a", "b-c_d.1", "e.css")
    assert split_path("/a..b.js") == ("a..b.js",)
    assert split_path("/a/..") is None
    assert split_path("/" + "a" * 250 + ".html") == ("a" * 250 + ".html",)


@pytest.mark.parametrize("ending", ["py", "pyc", "db", "sqlite", "toml", "json", "map", "cfg", "md", "sh", "bak"])
def test_endings_of_what_is_no_page_are_not_served(ending):
    assert ending not in MIME_TYPES


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/nothing.html"])
def test_files_are_only_read(method, path, answer):
    response = answer(path, method)
    assert (response.status, dict(response.headers)["Allow"]) == (405, "GET, HEAD")


def test_head_gets_the_length_and_the_file_is_closed(answer, root):
    response = answer("/js/main.js", "HEAD", Range="bytes=0-1")  # HEAD knows no ranges
    assert (response.status, response.body, response.slices, response.length) == (200, b"", None, 10)
    assert root.opened[0].closed


def test_client_that_has_the_file_is_told_so(answer, root):
    etag = dict(answer("/js/main.js").headers)["ETag"]
    response = answer("/js/main.js", If_None_Match=etag, Range="bytes=0-1")
    assert (response.status, response.body, dict(response.headers)["ETag"]) == (304, b"", etag)
    assert all(file.closed for file in root.opened)
    assert answer("/js/main.js", If_None_Match='"other"').status == 200
    assert answer("/js/main.js", If_Modified_Since=format_date(1_700_000_000)).status == 304
    assert answer("/js/main.js", If_Match='"other"').status == 412


def test_part_of_a_file(answer):
    response = answer("/js/main.js", Range="bytes=2-5")
    assert (response.status, response.body) == (206, b"2345")
    assert dict(response.headers)["Content-Range"] == "bytes 2-5/10"


def test_part_that_does_not_exist(answer, root):
    response = answer("/js/main.js", Range="bytes=10-")
    assert (response.status, dict(response.headers)["Content-Range"]) == (416, "bytes */10")
    assert "ETag" in dict(response.headers)
    assert root.opened[0].closed


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "bytes=" + "0-," * 1000, "bytes=x"])
def test_several_ranges_and_nonsense_get_the_whole(header, answer):
    response = answer("/js/main.js", Range=header)
    assert (response.status, response.body) == (200, b"0123456789")


def test_part_of_another_version_is_not_sent(answer):
    response = answer("/js/main.js", Range="bytes=2-5", If_Range='"other"')
    assert (response.status, response.body) == (200, b"0123456789")


def test_large_file_goes_slice_by_slice():
    root = FakeRoot()
    root.contents["big.png",] = b"x" * (AT_ONCE_LIMIT + 1)
    response = StaticFiles(root.open).answer(request(path="/big.png"))
    assert (response.body, response.length) == (b"", AT_ONCE_LIMIT + 1)
    assert not root.opened[0].closed
    assert sum(map(len, response.slices)) == AT_ONCE_LIMIT + 1
    assert root.opened[0].closed


def test_empty_file_is_a_file(root, answer):
    root.contents["empty.txt",] = b""
    response = answer("/empty.txt")
    assert (response.status, response.body) == (200, b"")


def test_file_that_is_cut_while_it_is_read_is_not_padded():
    class Shrinking(FakeFile):
        def __init__(self):
            super().__init__(b"0123456789")
            self.content = b"0123"

    file = Shrinking()
    with pytest.raises(RequestError, match="503"):
        StaticFiles(lambda _parts: file).answer(request(path="/a.txt"))
    assert file.closed


def test_trouble_with_opening_is_ours_and_passes():
    def fail(_parts):
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(RequestError) as caught:
        StaticFiles(fail).answer(request(path="/a.txt"))
    assert (caught.value.status, caught.value.headers) == (503, (("Retry-After", "1"),))
