import errno
import os
import socket

import pytest

from wsserver.reactor.world import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES, World


@pytest.fixture
def world():
    return World()


def test_the_clock_does_not_go_back(world):
    assert world.monotonic() <= world.monotonic()


def test_cpu_is_counted_of_this_process_and_of_others(world):
    before = world.cpu_s()
    while world.cpu_s() == before:
        pass
    assert world.cpu_s(os.getpid()) > before
    with pytest.raises(OSError):
        world.cpu_s(2**22 + 1)


def test_random_bytes_differ(world):
    assert len(world.random_bytes(9)) == 9
    assert world.random_bytes(16) != world.random_bytes(16)


def test_accepted_sockets_inherit_nodelay_and_keepalive_probes(world):
    (listener,) = world.listen_tcp("127.0.0.1", 0)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    try:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEPALIVE_IDLE_S == 60
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == KEEPALIVE_INTERVAL_S == 10
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == KEEPALIVE_PROBES == 3
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    finally:
        for each in (accepted, client, listener):
            each.close()


def test_a_taken_port_is_refused(world):
    (listener,) = world.listen_tcp("127.0.0.1", 0)
    with pytest.raises(OSError) as caught:
        world.listen_tcp("127.0.0.1", listener.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE
    listener.close()


def test_a_connection_that_was_begun_arrives_from_the_address_that_was_asked_for(world):
    (listener,) = world.listen_tcp("127.0.0.1", 0)
    [(family, address)] = world.resolve_tcp("127.0.0.1", listener.getsockname()[1])
    client = world.begin_connect(family, address, "127.0.0.2")
    listener.settimeout(5)
    accepted, peer = listener.accept()
    assert (peer[0], client.gettimeout()) == ("127.0.0.2", 0.0)
    for each in (accepted, client, listener):
        each.close()


def test_a_connection_that_cannot_even_begin_is_an_error_at_once(world):
    with pytest.raises(OSError):
        world.begin_connect(socket.AF_INET, ("127.0.0.1", 9), "192.0.2.1")


def test_ipv6_is_listened_on_where_there_is_any(world):
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    (listener,) = world.listen_tcp("::1", 0)
    client = socket.create_connection(listener.getsockname()[:2])
    accepted, address = listener.accept()
    assert address[0] == "::1"
    for each in (accepted, client, listener):
        each.close()


def test_a_unix_socket_left_by_a_dead_server_is_taken_over(world, tmp_path):
    path = str(tmp_path / "s")
    world.listen_unix(path).close()
    assert os.path.exists(path)
    listener = world.listen_unix(path)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.close()
    world.unlink(path)
    world.unlink(path)
    listener.close()
    assert not os.path.exists(path)


def test_a_unix_socket_that_another_server_put_in_place_of_ours_is_not_removed(world, tmp_path):
    path = str(tmp_path / "s")
    ours = world.listen_unix(path)
    os.unlink(path)
    theirs = type(world)().listen_unix(path)
    world.unlink(path)
    assert os.path.exists(path)
    for listener in (ours, theirs):
        listener.close()


def test_a_unix_socket_of_a_live_server_is_not_stolen(world, tmp_path):
    path = str(tmp_path / "s")
    listener = world.listen_unix(path)
    with pytest.raises(OSError) as caught:
        world.listen_unix(path)
    assert caught.value.errno == errno.EADDRINUSE
    listener.close()


def test_a_file_at_the_path_is_not_deleted(world, tmp_path):
    path = tmp_path / "precious"
    path.write_text("keep me")
    with pytest.raises(OSError):
        world.listen_unix(str(path))
    assert path.read_text() == "keep me"


def test_an_inherited_listener_is_not_inherited_any_further(world):
    (listener,) = world.listen_tcp("127.0.0.1", 0)
    fd = os.dup(listener.fileno())
    os.set_inheritable(fd, True)
    adopted = world.listen_inherited(fd)
    assert not adopted.get_inheritable()
    adopted.close()
    listener.close()


def test_an_inherited_listener_is_adopted_and_anything_else_refused(world):
    (listener,) = world.listen_tcp("127.0.0.1", 0)
    adopted = world.listen_inherited(os.dup(listener.fileno()))
    assert adopted.getsockname() == listener.getsockname()
    assert not adopted.getblocking()
    adopted.close()
    listener.close()
    one, other = socket.socketpair()
    with pytest.raises(OSError, match="not a listening socket"):
        world.listen_inherited(one.fileno())
    one.send(b"x")
    assert other.recv(1) == b"x"
    one.close()
    other.close()


def test_memory_in_use_is_what_the_kernel_says_and_grows_with_what_is_held(world):
    before = world.resident_bytes()
    held = b"x" * (32 << 20)
    grown = world.resident_bytes() - before
    assert before > 1 << 20
    assert grown > len(held) // 2


def test_memory_can_be_trimmed_at_any_time(world):
    world.trim_memory()
    world.trim_memory()
    assert world.resident_bytes() > 0


def test_memory_that_cannot_be_read_counts_as_none(world, monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError("no /proc here")

    monkeypatch.setattr("builtins.open", refuse)
    assert world.resident_bytes() == 0


def test_the_run_of_the_machine_has_a_name_that_stays(monkeypatch):
    name = World().boot_id()
    assert name == World().boot_id()
    assert name == name.strip()
    monkeypatch.setattr("builtins.open", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError))
    assert World().boot_id() == ""


def test_open_file_descriptors_are_counted():
    world = World()
    before = world.open_fds()
    left, right = world.socket_pair()
    assert world.open_fds() == before + 2
    left.close()
    right.close()
    assert world.open_fds() == before > 2


def test_listening_often_shares_one_port_and_joins_nobody_else_s(world):
    sets = world.listen_tcp_often("127.0.0.1", 0, 3)
    address = sets[0][0].getsockname()
    try:
        assert [[sock.getsockname() for sock in one] for one in sets] == [[address]] * 3
        for times in (1, 2):
            with pytest.raises(OSError) as caught:
                world.listen_tcp_often(*address, times)
            assert caught.value.errno == errno.EADDRINUSE
        peers = [socket.create_connection(address, 5) for _ in range(60)]
        taken = [take_all(one[0]) for one in sets]
        assert sum(taken) == 60
        assert all(taken)
        for peer in peers:
            peer.close()
    finally:
        for [sock] in sets:
            sock.close()


def take_all(listener):
    """Accept whoever waits; return how many that were."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_process_gets_what_it_is_given_and_nothing_else(world):
    given, kept = (os.pipe() for _ in range(2))
    os.set_inheritable(kept[1], True)
    program = (
        "import os, sys\n"
        "open_fds = sorted(fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}'))\n"
        "os.write(int(sys.argv[1]), repr((open_fds, os.read(0, 9))).encode())\n"
    )
    process = world.spawn(("-c", program, str(given[1])), (given[1],))
    os.close(given[1])
    said = os.read(given[0], 4096).decode()
    while process.poll() is None:
        pass
    assert process.poll() == 0
    assert said == repr(([given[1]], b""))
    for fd in (given[0], *kept):
        os.close(fd)


def test_a_process_that_is_killed_says_so(world):
    process = world.spawn(("-c", "import time; time.sleep(60)"), ())
    process.kill()
    while process.poll() is None:
        pass
    assert process.poll() == -9
    assert world.own_pid() == os.getpid()


def test_a_socket_that_was_left_open_for_us_goes_no_further(world):
    ours, its = socket.socketpair()
    its.set_inheritable(True)
    with ours, world.adopt(its.detach()) as adopted:
        assert not adopted.get_inheritable()
        assert not adopted.getblocking()
        adopted.send(b"x")
        assert ours.recv(1) == b"x"


def test_cores_can_be_told_and_chosen(world):
    before = world.cores()
    try:
        world.pin(before[-1])
        assert world.cores() == before[-1:]
    finally:
        os.sched_setaffinity(0, before)
    assert world.cores() == before
