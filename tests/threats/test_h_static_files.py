"""Ways out of the folder of the page, files that are no files, and requests for parts that make no sense.

The folder has something of everything in it, and a secret on each side of it.
"""

import os
import socket

import pytest

from tests.clients.rig import parse_answers
from tests.threats.attacking import cpu_seconds, open_files
from tests.threats.raw_heads import LAST, assert_refused, head

SECRET = b"the secret"
SIZE = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that is served: `static`, beside `static-secret`."""
    above = tmp_path_factory.mktemp("site")
    (above / "static-secret").mkdir()
    (above / "static-secret" / "secret.txt").write_bytes(SECRET)
    (above / "secret.txt").write_bytes(SECRET)
    root = above / "static"
    (root / "js").mkdir(parents=True)
    (root / "page.html").write_bytes(b"0123456789" * (SIZE // 10))
    (root / "link.txt").symlink_to(above / "secret.txt")
    (root / "inner.html").symlink_to("page.html")
    (root / "out").symlink_to(above)
    (root / "etc").symlink_to("/etc")
    (root / "loop.txt").symlink_to("loop.txt")
    (root / "zero.txt").symlink_to("/dev/zero")
    (root / "folder.html").mkdir()
    os.mkfifo(root / "fifo.txt")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(root / "socket.txt"))
    (root / "closed.txt").write_bytes(SECRET)
    (root / "closed.txt").chmod(0)
    for name in HIDDEN:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(SECRET)
    return root


@pytest.fixture(scope="module")
def flags(folder):
    return ("--set", f"server.static={folder}")


def ask(path, *fields, method="GET"):
    return head(*fields, line=f"{method} {path} HTTP/1.1".encode("latin-1"))


def answer_to(attacker, path, *fields):
    """Return the one answer (status, headers, body) that a request for that path gets."""
    one = attacker()
    one.send(ask(path, b"Connection: close", *fields))
    data = one.rest()
    assert SECRET not in data
    [answer] = parse_answers(data)
    return answer


# -- ways out --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/.%2e/secret.txt",
        "/%252e%252e/secret.txt", "/..%5csecret.txt", "/js/../../secret.txt", "/js/%2e%2e/%2e%2e/secret.txt",
        "//etc/passwd", "//secret.txt", "/%2fetc/passwd", "/C:/x.txt", "/c:%5cx.txt", "/./page.html", "/js//x.js",
        "/page.html/", "/page.html/..", "/page.html%3a%3a$DATA", "/%c0%ae%c0%ae/secret.txt", "/..;/secret.txt",
        "/%uff0e%uff0e/secret.txt", "/~root/x.txt", "/js/..", "/.", "/..", "/...", "/js/.../page.html",
    ],
)  # fmt: skip
def test_h108_no_spelling_of_a_path_leads_out_of_the_folder(attacker, path):
    assert answer_to(attacker, path)[0] in (400, 404)


def test_h108_a_backslash_or_a_path_without_a_slash_is_400(attacker):
    for path in ("/..\\secret.txt", "..%2fsecret.txt", "file:///etc/passwd"):
        assert_refused(attacker, ask(path), 400)


def test_h108_an_absolute_target_leads_no_further(attacker):
    for path in (
        "http://localhost/../secret.txt",
        "http://localhost//etc/passwd",
        "http://localhost/%2e%2e/secret.txt",
    ):
        assert answer_to(attacker, path)[0] == 404


def test_h108_the_page_itself_is_there(attacker):
    assert answer_to(attacker, "/page.html")[0] == 200


def test_h109_a_neighbour_whose_name_begins_like_the_folder_is_not_there(attacker, folder):
    neighbour = f"{folder}-secret/secret.txt"
    for path in ("/../static-secret/secret.txt", "/-secret/secret.txt", "/%2e%2e/static-secret/secret.txt", neighbour):
        assert answer_to(attacker, path)[0] == 404


def test_h110_what_is_outside_answers_the_same_whether_it_exists_or_not(attacker):
    def without_date(path):
        status, headers, body = answer_to(attacker, path)
        return status, {name: value for name, value in headers.items() if name != "date"}, body

    expected = without_date("/nothing.txt")
    assert expected[0] == 404
    for path in (
        "/../secret.txt", "/../nothing.txt", "/%2e%2e/secret.txt", "/%2e%2e/nothing.txt", "/link.txt",
        "/out/secret.txt", "/out/nothing.txt", "/etc/passwd.txt", "/.env", "/.nothing", "/fifo.txt",
        "/folder.html", "/js", "/none/x.txt",
    ):  # fmt: skip
        assert without_date(path) == expected


def test_h111_an_encoded_control_character_is_400(attacker):
    for path in ("/page.html%00", "/page.html%00.txt", "/%0d%0aX:%20y", "/page%0a.html", "/%7f.html", "/%1b.html"):
        assert_refused(attacker, ask(path), 400)


def test_h111_names_too_long_for_a_file_system_and_paths_too_deep_are_404(attacker):
    for path in (f"/{'a' * 300}.html", f"/{'a' * 8000}.html", "/a" * 4000 + ".html", "/" * 4000, f"/{'a' * 250}.html"):
        assert answer_to(attacker, path)[0] == 404


CLOSED = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to the superuser")


@pytest.mark.parametrize(
    "path",
    [
        "/link.txt", "/inner.html", "/out/secret.txt", "/out/static/page.html", "/etc/hostname.txt", "/loop.txt",
        "/zero.txt", "/folder.html", "/fifo.txt", "/socket.txt", "/js", "/js/",
        pytest.param("/closed.txt", marks=CLOSED),
    ],
)  # fmt: skip
def test_h112_what_is_no_regular_file_of_the_folder_does_not_exist(attacker, path):
    assert answer_to(attacker, path)[0] == 404


def test_h112_a_thousand_requests_for_a_fifo_hold_up_nobody_and_leave_nothing_open(server, attacker):
    files = open_files(server)
    for _ in range(10):
        one = attacker()
        one.send(ask("/fifo.txt") * 99 + LAST)
        assert one.answers() == [404] * 99 + [200]
        one.close()
    assert open_files(server) <= files + 10


def test_h112_a_link_that_takes_the_place_of_a_file_is_not_followed(attacker, folder):
    path = folder / "swapped.txt"
    path.write_bytes(b"harmless")
    assert answer_to(attacker, "/swapped.txt")[2] == b"harmless"
    path.unlink()
    path.symlink_to("../secret.txt")
    assert answer_to(attacker, "/swapped.txt")[0] == 404


# -- ranges and conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [
        ("bytes=" + ",".join(["0-"] * 1000), 200, SIZE),
        ("bytes=0-9,5-14", 200, SIZE),
        ("bytes=0-9, 5-14", 200, SIZE),
        ("bytes=0-0,-1", 200, SIZE),
        ("bytes=\u00b2-\u00b3", 200, SIZE),
        ("bytes=" + "٠-٥".encode().decode("latin-1"), 200, SIZE),
        ("bytes=9-0", 200, SIZE),
        ("bytes=-", 200, SIZE),
        ("bytes=--5", 200, SIZE),
        ("bytes=+0-5", 200, SIZE),
        ("bytes=0_0-5", 200, SIZE),
        ("bytes=", 200, SIZE),
        ("lines=0-5", 200, SIZE),
        ("bytes=-0", 416, 0),
        (f"bytes={SIZE}-", 416, 0),
        (f"bytes={10**30}-", 416, 0),
        ("bytes=" + "9" * 8000 + "-", 416, 0),
        (f"bytes=-{10**30}", 206, SIZE),
        (f"bytes=0-{10**30}", 206, SIZE),
        ("bytes=-" + "9" * 8000, 206, SIZE),
        ("bytes=5-5", 206, 1),
    ],
    ids=lambda value: str(value)[:30].encode("ascii", "replace").decode(),
)
def test_h114_of_ranges_one_is_served_or_the_whole_or_nothing(attacker, wanted, status, length):
    got, headers, body = answer_to(attacker, "/page.html", b"Range: " + wanted.encode("latin-1"))
    assert (got, len(body), int(headers["content-length"])) == (status, length, length)


def test_h114_two_range_headers_are_the_whole_file(attacker):
    assert answer_to(attacker, "/page.html", b"Range: bytes=0-1", b"Range: bytes=2-3")[0] == 200


def test_h114_a_thousand_ranges_cost_no_more_than_one(server, attacker):
    before = cpu_seconds(server)
    one = attacker()
    one.send(ask("/page.html", b"Range: bytes=" + b",".join([b"0-"] * 2500)) * 99 + LAST)
    assert one.answers() == [200] * 100
    assert cpu_seconds(server) - before < 2


@pytest.mark.parametrize(
    "field",
    [
        b"If-Modified-Since: yesterday",
        b"If-Modified-Since: Sun, 99 Nov 9999 99:99:99 GMT",
        b"If-Modified-Since: Sun, 06 Nov 0000 08:49:37 GMT",
        b"If-Modified-Since: " + b"9" * 8000,
        b"If-None-Match: " + b",".join([b'"x"'] * 2000),
        b"If-None-Match: " + b'"' * 8000,
        b"If-None-Match: " + b"," * 8000,
        b"If-None-Match: W/" + b"*" * 8000,
        b"If-Range: " + b'"' * 8000,
        b"If-Modified-Since: \xff\xfe",
    ],
    ids=lambda field: repr(field[:40]),
)
def test_h115_a_condition_that_cannot_be_met_or_read_is_ignored_in_no_time(server, attacker, field):
    before = cpu_seconds(server)
    one = attacker()
    one.send(ask("/page.html", field) * 20 + LAST)
    assert one.answers() == [200] * 21
    assert cpu_seconds(server) - before < 2


def test_h115_two_headers_full_of_tags_are_one_list(attacker):
    etag = answer_to(attacker, "/page.html")[1]["etag"].encode()
    full = b"If-None-Match: " + b",".join([b'"x"'] * 1900)
    assert answer_to(attacker, "/page.html", full)[0] == 200
    assert answer_to(attacker, "/page.html", full, b"If-None-Match: W/" + etag)[0] == 304


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (ask("/page.html", method="HEAD"), 200),
        (ask("/page.html", b"Range: bytes=0-5", method="HEAD"), 200),
        (ask("/livez", method="HEAD"), 200),
        (ask("/nothing.txt", method="HEAD"), 404),
        (ask("/page.html", b"If-None-Match: *"), 304),
        (ask("/page.html", b"If-None-Match: *", method="HEAD"), 304),
    ],
)
def test_h116_head_and_304_have_no_body_and_the_next_answer_begins_behind_their_head(attacker, raw, status):
    one = attacker()
    one.send(raw + LAST)
    first, _, rest = one.rest().partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert (b"Content-Length" in first) == (status != 304)
    assert [status for status, _, _ in parse_answers(rest)] == [200]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (head(line=b"HEAD /livez HTTP/1.1", host=b"Host: evil.example"), 421),
        (ask("/chat", method="HEAD"), 405),
        (ask("/nowhere", b"Upgrade: websocket", method="HEAD"), 404),
    ],
)
def test_h116_a_head_that_is_refused_has_no_body_either(attacker, raw, status):
    one = attacker()
    one.send(raw)
    answer = one.rest()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.endswith(b"\r\n\r\n")


# -- what lies about -------------------------------------------------------------------------------------------------

HIDDEN = [
    ".env", ".htaccess", ".git/config.txt", ".hidden.html", "app.py", "wsserver.db", "wsserver.db-wal", "dump.sql",
    "page.html.bak", "page.html~", "page.html.swp", "#page.html#", "Makefile", "key.pem", "page.HTML", "archive.tar.gz",
    "config.toml", "module.pyc", "data.json", "main.js.map",
]  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_h117_hidden_files_sources_databases_and_backups_do_not_exist(attacker, folder, name):
    assert (folder / name).read_bytes() == SECRET
    assert answer_to(attacker, "/" + name.replace("#", "%23"))[0] == 404


def test_h117_what_a_file_is_comes_from_a_table_and_browsers_are_told_to_believe_it(attacker):
    _, headers, _ = answer_to(attacker, "/page.html")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
