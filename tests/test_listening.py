"""Where it listens, once or once for each worker, and what is said when it cannot."""

import contextlib
import errno
import socket

import pytest

from tests.test_server import config
from wsserver.listening import bound_to, describe, explain, listen
from wsserver.reactor.world import World


@pytest.fixture
def opened():
    """Listen as configured for some workers; everything is closed behind the test."""
    with contextlib.ExitStack() as behind:

        def open_them(workers, *assignments):
            sets = listen(World(), config(*assignments), workers)
            for sock in {sock for one in sets for sock in one}:
                behind.callback(sock.close)
            return sets

        yield open_them


def test_each_worker_has_a_socket_of_its_own_on_one_port(opened):
    sets = opened(3)
    assert len({one[0].fileno() for one in sets}) == 3
    assert len({one[0].getsockname() for one in sets}) == 1


def test_a_port_that_others_share_among_themselves_is_taken_all_the_same(opened):
    port = opened(2)[0][0].getsockname()[1]
    for workers in (1, 2):
        with pytest.raises(OSError, match="in use"):
            opened(workers, f"server.port={port}")


def test_a_unix_socket_is_one_for_all(opened, tmp_path):
    path = tmp_path / "s"
    first, second = opened(2, f"server.unix={path}")
    assert first == second
    assert describe(first[0]) == f"unix:{path}"
    assert bound_to(config(f"server.unix={path}"), first[0]) == (None, 0)


def test_an_inherited_socket_is_one_for_all_and_browsers_name_its_own_address(opened):
    fd = socket.create_server(("127.0.0.1", 0)).detach()
    first, second = opened(2, f"server.fd={fd}")
    assert first == second
    assert bound_to(config(f"server.fd={fd}"), first[0]) == first[0].getsockname()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EADDRINUSE, "--port"),
        (errno.EACCES, "privileges"),
        (errno.EADDRNOTAVAIL, "0.0.0.0"),
        (errno.EIO, "--host, --port, --unix and --fd"),
        (None, "--host, --port, --unix and --fd"),
    ],
)
def test_every_failure_to_listen_comes_with_something_to_do(number, advice):
    sentence = explain(config(), OSError(number, "no") if number else OSError("no"))
    assert sentence.startswith("cannot listen on 127.0.0.1:0: no. ")
    assert advice in sentence


def test_an_admin_port_that_cannot_be_had_is_not_taken_for_the_public_one():
    error = OSError(errno.EADDRINUSE, "Address already in use", "127.0.0.1:9180")
    sentence = explain(config("server.admin=127.0.0.1:9180"), error)
    assert sentence == (
        "cannot listen on 127.0.0.1:9180, the admin port: Address already in use. Choose another one with --admin."
    )
