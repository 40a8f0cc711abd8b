"""How long an honest client waits on the clock of the wall while others attack. Only `make attacks` measures it.

The server has a core for itself; the attackers, in a process of their own, share the other with the honest client. Both
the server and the honest client go before everything else on the machine, where that is allowed. Rounds with and
without attackers alternate, and the median of their ratios is told: wanted is a p99 of at most twice the one without.
The figures are judged by people; what is asserted is only that every question was answered.
"""

import contextlib
import multiprocessing
import os
import socket
import statistics
import time

import pytest

from tests.attacks.catalogue import Attack, fill
from tests.attacks.measuring import KIB, MIB
from tests.attacks.swarm import Swarm
from tests.attacks.target import attacked
from tests.clients.rig import upgrade
from tests.scenarios.talking import open_raw
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import BINARY, PING, TEXT

QUESTIONS = 1000
PAUSE_S = 0.0005
ROUNDS = 5

QUESTION = frame(TEXT, b"how long does it take?")
ANSWER = b"\x81\x16how long does it take?"

ENDLESS = 1 << 60

FIRST = -15
"""The niceness of what is measured (setpriority(2)); only root may have it."""

SATURATING = Attack("saturating", upgrade("/echo"), fill(frame(BINARY, b"x" * 20), 64 * KIB), ENDLESS, reads=True)
SLOW = Attack("slow readers", upgrade("/echo"), frame(BINARY, bytes(60_000)), 2 * MIB)
PINGING = Attack("floods of pings", upgrade("/echo") + frame(PING) * 20, frame(PING), 16 * KIB, reads=True, portion=6)

CROWDS = {
    "nobody": [],
    "one who saturates": [(SATURATING, 1)],
    "1,000 slow readers": [(SLOW, 1000)],
    "20 floods of pings": [(PINGING, 20)],
    "all of them": [(SATURATING, 1), (SLOW, 1000), (PINGING, 20)],
}


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with attacked(tmp_path_factory.mktemp("page")) as one, on_its_own_core(one.gauge.pid):
        yield one


@pytest.mark.parametrize("name", CROWDS)
def test_an_honest_client_is_answered_whatever_others_do(target, note, name):
    rounds = [(ask(target.port), ask_amid(target, CROWDS[name])) for _ in range(ROUNDS)]
    note("latency", name=name, **figures(rounds))


def figures(rounds):
    """Return medians over the rounds: of p50 and p99 with attackers, in microseconds, and of both beside without."""
    before, amid = [[(p50(times), p99(times)) for times in side] for side in zip(*rounds, strict=True)]
    ratios = [[a / b for a, b in zip(*pair, strict=True)] for pair in zip(amid, before, strict=True)]
    (mid, high), (mid_ratio, high_ratio) = (map(statistics.median, zip(*rows, strict=True)) for rows in (amid, ratios))
    return {"p50_us": mid * 1e6, "p99_us": high * 1e6, "p50_times": mid_ratio, "p99_times": high_ratio}


def p50(times):
    return statistics.median(times)


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def ask_amid(target, crowd):
    """Ask while a crowd attacks, and wait until it is gone."""
    with attackers(target.port, crowd):
        times = ask(target.port)
    target.clear()
    return times


def ask(port):
    """Ask one question after the other; return how long each answer took, in seconds."""
    times = []
    with open_raw(port) as honest:
        honest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(QUESTIONS):
            before = time.perf_counter()
            honest.sendall(QUESTION)
            assert honest.recv(100) == ANSWER
            times.append(time.perf_counter() - before)
            time.sleep(PAUSE_S)
    return times


@contextlib.contextmanager
def on_its_own_core(pid):
    """Give the server the first core and everybody else the second; let nothing else come before it and us."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, cores[:1])
        os.sched_setaffinity(0, cores[1:2])
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, FIRST)
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
    yield
    os.sched_setaffinity(0, cores)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)


@contextlib.contextmanager
def attackers(port, crowd):
    """Let a crowd attack from a process of its own, as long as this lasts."""
    if not crowd:
        yield
        return
    context = multiprocessing.get_context("fork")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=_attack, args=(port, crowd, ready, stop), daemon=True)
    process.start()
    try:
        assert ready.wait(30)
        time.sleep(0.5)
        yield
    finally:
        stop.set()
        process.join(30)
        assert process.exitcode == 0


def _attack(port, crowd, ready, stop):
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    with contextlib.ExitStack() as behind:
        swarms = [behind.enter_context(Swarm(port, attack, count)) for attack, count in crowd]
        for swarm, (attack, _) in zip(swarms, crowd, strict=True):
            if attack.budget < ENDLESS:
                swarm.run()  # those who only wait are to wait already
        ready.set()
        while not stop.is_set():
            for swarm in swarms:
                swarm.step(0.001)
