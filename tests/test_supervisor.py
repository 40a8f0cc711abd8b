"""What a supervisor decides, with processes that are made up: who accepts for whom, when it is ready, when over."""

import os
import signal
import socket

import pytest

from tests.reactor.fakes import turn
from tests.supervision.fakes import jump
from tests.supervision.rig import Rig
from tests.test_server import config
from wsserver import supervisor as supervisor_module
from wsserver.config import ConfigError
from wsserver.supervision.child import FAREWELL_S, LAST_PAUSE_S, Stage
from wsserver.supervision.orders import (
    Begin,
    Cover,
    Drain,
    End,
    Failed,
    Measure,
    Measured,
    Ping,
    Pong,
    Report,
    Sum,
    SumUp,
    TakeOn,
    Uncover,
)
from wsserver.supervision.watch import BEAT_S, SILENT_S
from wsserver.supervisor import END_S, GRACE_S, Supervisor, supervise


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


def test_another_one_accepts_for_who_hangs_as_long_as_it_is_silent(rig):
    one = rig()
    one.all_ready()
    one.wait(BEAT_S, 0)
    assert (one.heard(1), one.heard(2)) == ([], [])
    one.wait(SILENT_S, 0)
    assert (one.heard(1), one.heard(2)) == ([Cover(0)], [])
    one.say(0, Pong())
    assert (one.heard(0), one.heard(1), one.heard(2)) == ([], [Uncover(0)], [])


def test_who_hangs_for_too_long_is_replaced_as_one_that_has_died(rig):
    one = rig("server.worker_timeout=10s")
    one.all_ready()
    one.wait(10, 0)
    assert one.newest(0).signals == []
    one.wait(BEAT_S, 0)
    assert one.newest(0).signals == [signal.SIGABRT, signal.SIGCONT]
    one.wait(FAREWELL_S + BEAT_S, 0)
    assert one.newest(0).killed
    one.die(0)
    jump(one.reactor, LAST_PAUSE_S)
    one.say(0)
    assert one.heard(1) == [Cover(0), Uncover(0)]
    assert len(one.processes) == 4


def test_nobody_is_watched_before_all_are_ready_nor_when_they_are_to_stop(rig):
    one = rig("server.worker_timeout=3s")
    one.say(0)
    one.wait(20, 0, 1, 2)
    assert (one.newest(0).signals, Ping() in one.newest(0).heard()) == ([], False)
    one.say(1)
    one.say(2)
    one.supervisor.stop()
    one.wait(5, 0, 1, 2)
    assert [process.signals for process in one.processes] == [[], [], []]
    assert one.heard(1)[1:] == [Drain()]


def test_how_long_one_may_hang_can_be_changed_for_those_who_hang_already(rig):
    one = rig("server.worker_timeout=0")
    one.all_ready()
    one.wait(100, 0)
    assert one.newest(0).signals == []
    one.supervisor.reload(lambda: config("server.workers=3", "server.worker_timeout=30s"))
    one.wait(BEAT_S, 0)
    assert one.newest(0).signals != []


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
