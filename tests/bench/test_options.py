import argparse

import pytest

from wsserver.bench.errors import UsageError
from wsserver.bench.options import SCENARIOS, add_arguments, judge


def judged(*argv):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return judge(parser.parse_args(["ws://127.0.0.1:8080", *argv]))


def test_without_a_word_it_is_an_echo_in_a_closed_loop():
    options = judged()
    assert (options.scenario, options.target.path, options.rate, options.window) == ("echo", "/echo", 0, 1)
    assert (options.clients, options.size, options.duration_s, options.processes) == (64, 64, 5.0, 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_has_a_path_of_its_own(scenario):
    assert judged(scenario).target.path == ("/echo" if scenario in ("connect", "echo") else "/chat")


def test_a_path_that_is_named_is_kept():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert judge(parser.parse_args(["ws://127.0.0.1/ws", "fanout"])).target.path == "/ws"


def test_rooms_have_ten_clients_each_unless_told_otherwise():
    assert judged("rooms", "--clients", "200").channels == 20
    assert judged("rooms", "--clients", "5").channels == 1
    assert judged("rooms", "--channels", "7").channels == 7
    assert judged("fanout").channels == 1


def test_a_tenth_of_the_clients_is_slow_in_slow_and_nobody_elsewhere():
    assert judged("slow").slow == 10
    assert judged("slow", "--clients", "3", "--slow", "2").slow == 2
    assert judged("fanout").slow == 0


def test_idle_joins_only_where_there_is_something_to_join():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert judge(parser.parse_args(["ws://h/chat", "idle"])).chats
    assert not judge(parser.parse_args(["ws://h/echo", "idle"])).chats


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("10s", 10.0), ("2m", 120.0), ("1.5", 1.5)])
def test_durations_are_written_with_a_unit(text, seconds):
    assert judged("--duration", text).duration_s == seconds


def test_processes_of_the_server_are_numbers_with_commas():
    assert judged("--server-pid", "12, 7,12").server_pids == (12, 7)


@pytest.mark.parametrize(
    "argv",
    [
        ["nothing"],
        ["--clients", "0"],
        ["--clients", "-1"],
        ["--clients", "1000001"],
        ["--rate", "0"],
        ["--rate", "-5"],
        ["--rate", "nan"],
        ["--rate", "5", "--window", "2"],
        ["--window", "0"],
        ["--size", "17"],
        ["--size", "99999999"],
        ["--duration", "0s"],
        ["--duration", "61m"],
        ["--duration", "soon"],
        ["--processes", "65"],
        ["--clients", "2", "--processes", "3"],
        ["--channels", "2"],
        ["--slow", "1"],
        ["--server-pid", "x"],
        ["--server-pid", "0"],
        ["--server-pid", "1,,2"],
        ["connect", "--window", "2"],
        ["idle", "--rate", "2"],
        ["idle", "--window", "2"],
        ["fanout", "--channels", "2000"],
        ["slow", "--clients", "1"],
        ["slow", "--clients", "4", "--slow", "4"],
    ],
    ids=" ".join,
)
def test_what_means_nothing_is_refused_in_one_sentence(argv):
    with pytest.raises(UsageError) as caught:
        judged(*argv)
    assert str(caught.value) and "\n" not in str(caught.value)
