"""One try to connect: whom it reaches, and what it says when it reaches nobody."""

import errno
import socket
import ssl

import pytest

from tests.engines.private import free_port
from wsserver.brokers.address import Address, parse_address
from wsserver.brokers.redis_dial import CONNECT_LIMIT_S, Dial, explain_dial


def dial(rig, address):
    told = []
    return Dial(rig.reactor, address, rig.offload, told.append), told


def test_it_connects_by_tcp_and_has_the_kernel_look_after_it(rig, fake):
    _, told = dial(rig, parse_address(fake.url))
    rig.until(lambda: told)
    assert told[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert not told[0].getblocking()
    told[0].close()


def test_it_connects_by_a_unix_socket(rig, tmp_path):
    path = str(tmp_path / "redis.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        _, told = dial(rig, Address("redis", path=path))
        rig.until(lambda: told)
        assert told[0].getpeername() == path
        told[0].close()


def test_nobody_there_is_an_error_once(rig):
    _, told = dial(rig, Address("redis", host="127.0.0.1", port=free_port()))
    rig.until(lambda: told)
    rig.jump(CONNECT_LIMIT_S + 1)
    assert [error.errno for error in told] == [errno.ECONNREFUSED]


def test_all_addresses_of_a_name_are_tried(rig, fake):
    port = int(fake.url.rpartition(":")[2])
    rig.world.resolve_tcp = lambda _host, _port: [
        (int(socket.AF_INET), ("127.0.0.1", free_port())),
        (int(socket.AF_INET), ("127.0.0.1", port)),
    ]
    _, told = dial(rig, Address("redis", host="two.example"))
    rig.until(lambda: told)
    assert told[0].getpeername()[1] == port
    told[0].close()


def test_a_name_that_is_not_known_is_an_error(rig):
    def resolve(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    rig.world.resolve_tcp = resolve
    _, told = dial(rig, Address("redis", host="nowhere.example"))
    rig.until(lambda: told)
    assert "name or service not known" in explain_dial(told[0], "nowhere.example:6379")


def test_a_handshake_that_nobody_answers_ends_in_time(rig, fake):
    address = parse_address(fake.url.replace("redis:", "rediss:"))
    _, told = dial(rig, address)
    fake.accept(rig.turn)
    assert told == []
    rig.jump(CONNECT_LIMIT_S + 0.1)
    rig.until(lambda: told)
    assert told[0].errno == errno.ETIMEDOUT


def test_what_is_cancelled_says_nothing(rig, fake):
    trying, told = dial(rig, parse_address(fake.url))
    trying.cancel()
    fake.listener.close()
    rig.jump(CONNECT_LIMIT_S + 1)
    assert told == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), "Redis at h:1 cannot be reached: no route to host"),
        (ssl.SSLError(1, "wrong version number"), "Redis at h:1 does not speak TLS as we do"),
    ],
)
def test_every_failure_has_a_sentence(error, sentence):
    assert explain_dial(error, "h:1") == sentence
