import errno
import gc
import os
import resource
import socket

import pytest

from wsserver.net.files import SLICE_SIZE, Directory


@pytest.fixture
def root(tmp_path):
    """A directory with something of everything, and something secret beside it."""
    (tmp_path / "outside.txt").write_text("secret")
    inside = tmp_path / "root"
    (inside / "js").mkdir(parents=True)
    (inside / "index.html").write_text("page")
    (inside / "js" / "main.js").write_text("code")
    (inside / "empty.txt").write_bytes(b"")
    (inside / "big.bin").write_bytes(bytes(range(256)) * 4096)
    os.mkfifo(inside / "fifo.txt")
    (inside / "link.txt").symlink_to(tmp_path / "outside.txt")
    (inside / "inner-link.txt").symlink_to("index.html")
    (inside / "up").symlink_to(tmp_path)
    (inside / "loop.txt").symlink_to("loop.txt")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(inside / "socket.txt"))
    return inside


@pytest.fixture
def directory(root):
    directory = Directory(os.fspath(root))
    yield directory
    directory.close()


@pytest.fixture(autouse=True)
def no_leak():
    """Every test gives back the file descriptors it took."""
    gc.collect()
    before = open_fds()
    yield
    gc.collect()
    assert open_fds() <= before


def open_fds():
    return len(os.listdir("/proc/self/fd"))


def failing_with(number):
    """Return a stand-in for a system call that fails."""

    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def content(file):
    return b"".join(file.slices(0, file.size))


@pytest.mark.parametrize(("parts", "expected"), [(("index.html",), b"page"), (("js", "main.js"), b"code")])
def test_regular_file_is_opened_and_read(parts, expected, directory):
    file = directory.open(parts)
    assert (file.size, content(file)) == (4, expected)


def test_file_knows_when_it_was_changed(directory, root):
    os.utime(root / "index.html", ns=(1, 1_700_000_000_123_456_789))
    file = directory.open(("index.html",))
    assert file.mtime_ns == 1_700_000_000_123_456_789
    file.close()


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("nothing.txt",),
        ("nothing", "nothing.txt"),
        ("js",),
        ("index.html", "x"),
        ("fifo.txt",),
        ("socket.txt",),
        ("link.txt",),
        ("inner-link.txt",),
        ("loop.txt",),
        ("up", "outside.txt"),
        ("..", "outside.txt"),
        ("..",),
        (".",),
        ("", "index.html"),
        ("js", "", "main.js"),
        ("js/main.js",),
        ("../outside.txt",),
        ("/etc/passwd",),
        ("index.html\0.txt",),
        ("a" * 300,),
        ("a",) * 5000,
    ],
    ids=lambda parts: "/".join(parts)[:40],
)
def test_nothing_else_is(parts, directory):
    assert directory.open(parts) is None


def test_device_is_no_file():
    devices = Directory("/dev")
    assert devices.open(("null",)) is None
    devices.close()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENODEV, errno.ENXIO, errno.ELOOP])
def test_file_that_may_not_be_opened_does_not_exist(number, directory, monkeypatch):
    monkeypatch.setattr(os, "open", failing_with(number))
    assert directory.open(("index.html",)) is None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO])
def test_other_trouble_is_ours(number, directory, monkeypatch):
    monkeypatch.setattr(os, "open", failing_with(number))
    with pytest.raises(OSError) as caught:
        directory.open(("index.html",))
    assert caught.value.errno == number


def test_fd_is_given_back_when_it_cannot_be_looked_at(directory, monkeypatch):
    before = open_fds()
    with monkeypatch.context() as world, pytest.raises(OSError, match="Input/output"):
        world.setattr(os, "fstat", failing_with(errno.EIO))
        directory.open(("js", "main.js"))
    assert open_fds() == before


def test_disk_that_fails_while_reading_ends_the_file(directory, monkeypatch):
    slices = directory.open(("big.bin",)).slices(0, 1 << 20)
    assert len(next(slices)) == SLICE_SIZE
    before = open_fds()
    monkeypatch.setattr(os, "pread", failing_with(errno.EIO))
    assert list(slices) == []
    assert open_fds() == before - 1


def test_directory_that_is_moved_stays_the_one_that_was_opened(directory, root):
    root.rename(root.with_name("elsewhere"))
    assert content(directory.open(("index.html",))) == b"page"


def test_part_of_a_file_comes_in_slices(directory, root):
    file = directory.open(("big.bin",))
    slices = list(file.slices(3, 1024 * 1024 - 3))
    count = 1024 * 1024 // SLICE_SIZE
    assert [len(piece) for piece in slices] == [SLICE_SIZE] * (count - 1) + [SLICE_SIZE - 6]
    assert b"".join(slices) == (root / "big.bin").read_bytes()[3:-3]


def test_empty_file_has_no_slices(directory):
    assert list(directory.open(("empty.txt",)).slices(0, 0)) == []


def test_end_of_the_slices_closes_the_file(directory):
    before = open_fds()
    file = directory.open(("index.html",))
    assert open_fds() == before + 1
    assert content(file) == b"page"
    assert open_fds() == before


@pytest.mark.parametrize("pieces", [0, 1])
def test_slices_that_are_not_read_to_their_end_close_the_file_when_told(directory, pieces):
    before = open_fds()
    slices = directory.open(("big.bin",)).slices(0, 1 << 20)
    for _ in range(pieces):
        next(slices)
    slices.close()
    slices.close()
    assert open_fds() == before
    assert next(slices, b"") == b""


def test_forgotten_file_is_closed(directory):
    before = open_fds()
    file = directory.open(("index.html",))
    slices = file.slices(0, 4)
    del file
    assert open_fds() == before + 1
    del slices
    assert open_fds() == before


def test_closing_twice_closes_nobody_elses_file(directory):
    file = directory.open(("index.html",))
    file.close()
    other = directory.open(("index.html",))
    file.close()
    assert content(other) == b"page"


def test_file_that_is_cut_ends_early(directory, root):
    slices = directory.open(("big.bin",)).slices(0, 1 << 20)
    got = len(next(slices))
    os.truncate(root / "big.bin", SLICE_SIZE + 10)
    got += sum(map(len, slices))
    assert got == SLICE_SIZE + 10


def test_file_that_grows_ends_where_it_ended(directory, root):
    file = directory.open(("index.html",))
    with (root / "index.html").open("a") as more:
        more.write(" and more")
    assert content(file) == b"page"


def test_file_that_is_replaced_is_still_the_old_one(directory, root):
    file = directory.open(("index.html",))
    (root / "new.html").write_text("else")
    (root / "new.html").rename(root / "index.html")
    assert content(file) == b"page"


def test_file_that_is_closed_has_no_bytes(directory):
    file = directory.open(("index.html",))
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.read(0, 4)
    assert content(file) == b""


def test_no_file_descriptor_left_is_trouble_of_ours(directory):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError) as caught:
            directory.open(("js", "main.js"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.errno == errno.EMFILE


def test_root_that_does_not_exist_or_is_a_file_cannot_be_opened(root):
    for path in (root / "nothing", root / "index.html"):
        with pytest.raises(OSError, match="No such file|Not a directory"):
            Directory(os.fspath(path))
