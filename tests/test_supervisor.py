"""What a supervisor decides, with processes that are made up: who accepts for whom, when it is ready, when over."""

import os
import signal
import socket
from types import SimpleNamespace

import pytest

from tests.reactor.fakes import turn
from tests.supervision.fakes import jump, nursery
from tests.test_server import config
from wsserver import supervisor as supervisor_module
from wsserver.config import ConfigError
from wsserver.reactor.histogram import LATENCY_BOUNDS_S, Histogram
from wsserver.supervision.child import LAST_PAUSE_S, Stage
from wsserver.supervision.orders import (
    Begin,
    Cover,
    Drain,
    End,
    Failed,
    Measure,
    Measured,
    Ready,
    Report,
    Sum,
    SumUp,
    TakeOn,
    Uncover,
)
from wsserver.supervisor import END_S, GRACE_S, Supervisor, supervise


class FakeHub:
    """Keeps the sockets that it is given."""

    def __init__(self):
        self.admitted = []

    def admit(self, sock, on_cut):
        self.admitted.append(sock)
        self.on_cut = on_cut


class Rig:
    """A supervisor of three, and its world."""

    def __init__(self, *assignments, shared=False, hub=False):
        self.reactor = nursery()
        self.stopped = False
        self.reactor.stop = lambda: setattr(self, "stopped", True)
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        sets = [[self.listeners[0]]] * 3 if shared else [[listener] for listener in self.listeners[:3]]
        self.addresses = []
        self.config = config("server.workers=3", *assignments)
        self.hub = FakeHub()
        self.commits = Histogram(LATENCY_BOUNDS_S)
        holdings = SimpleNamespace(
            sockets=sets, admin=self.listeners[3:], hub=self.hub if hub else None, commits=self.commits if hub else None
        )
        self.supervisor = Supervisor(self.config, self.reactor, holdings, self.addresses.append)
        self.supervisor.start()
        turn(self.reactor, 2)

    @property
    def processes(self):
        return self.reactor.world.processes

    def newest(self, index):
        """The newest process of a worker."""
        return next(process for process in self.processes if process.pid == self.supervisor.children[index].pid)

    def say(self, index, line=Ready()):  # noqa: B008 - it is frozen
        self.newest(index).say(line)
        turn(self.reactor, 2)

    def all_ready(self):
        for index in range(3):
            self.say(index)
        for process in self.processes:
            process.heard()

    def die(self, index, code=-9):
        process = self.newest(index)
        process.die(code)
        self.supervisor.reap()
        turn(self.reactor, 2)

    def heard(self, index):
        return self.newest(index).heard()

    def close(self):
        for process in self.processes:
            process.sock.close()
        for sock in (*self.listeners, *self.hub.admitted):
            sock.close()
        turn(self.reactor, 2)
        self.reactor.close()


@pytest.fixture
def rig():
    rigs = []

    def make(*assignments, **named):
        rigs.append(Rig(*assignments, **named))
        return rigs[-1]

    yield make
    for one in rigs:
        one.close()


def test_each_is_told_who_it_is_where_all_listen_and_which_core_is_its_own(rig):
    one = rig()
    *numbers, admin = [[listener.fileno()] for listener in one.listeners]
    assert [one.heard(index) for index in range(3)] == [
        [Begin(index, one.config, numbers, admin, None, core)] for index, core in enumerate([3, 5, 3])
    ]
    assert all({*admin, *numbers[0], *numbers[2]} <= set(process.fds) for process in one.processes)
    assert rig("server.pin=false").heard(1)[0].core is None


def test_each_process_has_its_own_way_to_the_hub(rig):
    one = rig(hub=True)
    assert len(one.hub.admitted) == 3
    assert all(one.heard(index)[0].hub in one.newest(index).fds for index in range(3))
    one.all_ready()
    one.die(1)
    jump(one.reactor, LAST_PAUSE_S)
    assert len(one.hub.admitted) == 4


def test_a_store_that_is_lost_ends_all_with_1(rig):
    one = rig()
    one.all_ready()
    one.supervisor.give_up()
    turn(one.reactor)
    assert one.heard(0) == [End()]
    assert one.supervisor.exit_code == 1


def test_it_is_ready_once_and_when_all_are(rig):
    one = rig()
    one.say(2)
    one.say(0)
    assert one.addresses == []
    one.say(1)
    assert one.addresses == [f"http://127.0.0.1:{one.listeners[0].getsockname()[1]}"]
    one.die(1)
    jump(one.reactor, LAST_PAUSE_S)
    one.say(1)
    assert len(one.addresses) == 1


def test_another_one_accepts_for_the_dead_until_the_successor_is_ready(rig):
    one = rig()
    one.all_ready()
    one.die(0)
    assert (one.heard(1), one.heard(2)) == ([Cover(0)], [])
    jump(one.reactor, LAST_PAUSE_S)
    assert one.heard(1) == []
    one.say(0)
    assert (one.heard(1), one.heard(2)) == ([Uncover(0)], [])


def test_who_covered_and_dies_too_is_followed_by_one_who_serves(rig):
    one = rig()
    one.all_ready()
    one.die(0)
    one.die(1)
    assert one.heard(2) == [Cover(0), Cover(1)]
    one.die(2)
    jump(one.reactor, LAST_PAUSE_S)
    one.say(1)
    assert one.heard(1)[1:] == [Cover(0), Cover(2)]


def test_where_all_accept_from_one_socket_nobody_has_to_be_covered(rig):
    one = rig(shared=True)
    one.all_ready()
    one.die(0)
    assert (one.heard(1), one.heard(2)) == ([], [])


def test_one_that_cannot_start_at_first_ends_all_with_its_sentence(rig):
    one = rig()
    one.say(0)
    one.newest(1).say(Failed("the store is not there.", 1))
    turn(one.reactor, 2)
    one.die(1, 1)
    assert (one.supervisor.failure, one.supervisor.exit_code) == ("the store is not there.", 1)
    assert one.heard(0)[1:] == one.heard(2)[1:] == [End()]
    one.die(0, 1)
    assert not one.stopped
    one.die(2, 1)
    assert one.stopped
    assert one.addresses == []


def test_one_that_dies_without_a_word_at_first_is_told_by_its_exit_code(rig):
    one = rig()
    one.die(2, -11)
    assert one.supervisor.failure == "worker 2 ended with -11 before it was ready."


def test_one_that_finds_the_settings_bad_decides_the_exit_code(rig):
    one = rig()
    one.newest(0).say(Failed("no key is set", 2))
    turn(one.reactor, 2)
    one.die(0, 2)
    assert one.supervisor.exit_code == 2


def test_stopping_drains_all_and_is_over_when_the_last_has_ended(rig):
    one = rig()
    one.all_ready()
    one.supervisor.stop()
    turn(one.reactor)
    assert [one.heard(index) for index in range(3)] == [[Drain()]] * 3
    one.die(0, 0)
    assert one.heard(1) == [Cover(0)]  # whoever comes now is told 503, and does not wait for nobody
    one.die(1, 0)
    assert not one.stopped
    one.die(2, 0)
    assert (one.stopped, one.supervisor.exit_code) == (True, 0)
    assert len(one.processes) == 3


def test_one_that_dies_while_all_stop_makes_the_stop_unclean(rig):
    one = rig()
    one.all_ready()
    one.supervisor.stop()
    for index, code in enumerate((0, -9, 0)):
        one.die(index, code)
    assert (one.stopped, one.supervisor.exit_code) == (True, 1)


def test_a_second_stop_ends_all_now_and_kills_who_does_not_listen(rig):
    one = rig()
    one.all_ready()
    one.supervisor.stop()
    one.supervisor.stop()
    turn(one.reactor)
    assert one.heard(0) == [Drain(), End()]
    assert not one.processes[0].killed
    jump(one.reactor, END_S)
    assert all(process.killed for process in one.processes)
    assert one.supervisor.exit_code == 1


def test_who_does_not_drain_in_time_is_killed(rig):
    one = rig("server.drain=3s", "websocket.close_timeout=2s")
    one.all_ready()
    one.supervisor.stop()
    jump(one.reactor, 3 + 2 + GRACE_S - 0.1)
    assert not one.processes[0].killed
    jump(one.reactor, 0.2)
    assert all(process.killed for process in one.processes)


def test_one_that_was_to_be_started_again_stays_down_once_it_stops(rig):
    one = rig()
    one.all_ready()
    for index in range(3):
        one.die(index)
    one.supervisor.stop()
    assert one.stopped
    jump(one.reactor, LAST_PAUSE_S)
    assert len(one.processes) == 3


def test_a_stop_before_it_was_ready_is_a_clean_one(rig):
    one = rig()
    one.supervisor.stop()
    one.say(0)
    for index, code in enumerate((0, -15, 0)):  # a service manager may have told one that was not listening yet
        one.die(index, code)
    assert (one.stopped, one.supervisor.exit_code, one.addresses) == (True, 0, [])


def test_a_configuration_that_was_read_again_reaches_those_who_live_and_those_who_come(rig):
    one = rig()
    one.all_ready()
    changed = config("server.workers=3", "limits.rate=7", "chat.history=3")
    one.supervisor.reload(lambda: changed)
    turn(one.reactor)
    assert one.heard(0) == [TakeOn(changed)]
    one.die(1)
    jump(one.reactor, LAST_PAUSE_S)
    begun = one.heard(1)[0].config
    assert (begun.limits.rate, begun.chat.history) == (7, one.config.chat.history)


def test_a_bad_configuration_reaches_nobody(rig):
    def fail():
        raise ConfigError("no")

    one = rig()
    one.all_ready()
    one.supervisor.reload(fail)
    turn(one.reactor)
    assert one.heard(0) == []
    assert one.supervisor.config is one.config


def test_everybody_is_asked_for_its_state(rig):
    one = rig()
    one.all_ready()
    one.die(2)
    one.supervisor.report_state()
    turn(one.reactor)
    assert one.heard(0)[-1] == Report()
    assert one.supervisor.children[2].stage is Stage.DOWN


def test_numbers_are_summed_over_the_workers_the_supervisor_and_the_store_that_is_in_it(rig):
    one = rig(hub=True)
    one.all_ready()
    one.die(2)
    one.commits.observe(0.001)
    own = {"wsserver_processes": 1, "wsserver_users": 2}
    one.say(0, SumUp(5, own))
    assert one.heard(1)[-1] == Measure(1)
    one.say(1, Measured(1, own))
    [told] = [line for line in one.heard(0) if isinstance(line, Sum)]
    assert (told.number, told.snapshot["wsserver_processes"], told.snapshot["wsserver_users"]) == (5, 3, 4)
    assert told.snapshot["wsserver_workers"] == {"answered": 0, "silent": 0, "down": 1}  # workers count themselves
    assert told.snapshot["wsserver_worker_restarts"] == 1
    assert told.snapshot["wsserver_process_cpu_seconds"] > 0
    assert sum(told.snapshot["wsserver_store_commit_seconds"]["counts"]) == 1


def test_a_port_that_is_taken_is_one_sentence_and_1(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert supervise(config(f"server.port={port}"), 2, lambda: None) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert f"cannot listen on 127.0.0.1:{port}" in errors


def test_a_store_that_cannot_be_opened_is_one_sentence_and_1(capsys, tmp_path):
    assert supervise(config(f"store.url=sqlite:{tmp_path}/nowhere/chat.db"), 2, lambda: None) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_an_admin_port_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="HOST:PORT"):
        supervise(config("server.admin=nonsense"), 2, lambda: None)


def test_signals_reach_it_and_the_ready_line_is_its_own(monkeypatch, capsys):
    ended = []

    class Briefly(Supervisor):
        def start(self):
            self._on_ready(self._address)
            self._reactor.post(lambda: os.kill(os.getpid(), signal.SIGTERM))

        def stop(self):
            ended.append("told")
            self._reactor.stop()

    monkeypatch.setattr(supervisor_module, "Supervisor", Briefly)
    assert supervise(config(), 2, lambda: None) == 0
    assert ended == ["told"]
    line = capsys.readouterr().out
    assert line.startswith("wsserver listening on http://127.0.0.1:")
    assert line.endswith(f" (pid {os.getpid()})\n")
