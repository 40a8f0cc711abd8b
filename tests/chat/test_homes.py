"""Where a channel is at home, and when nobody is sent there."""

import subprocess
import sys

import pytest

from wsserver.chat.homes import CELLS, LARGE, UNEVEN, UNEVEN_FROM, Homes, size_for

ASK = """
from wsserver.chat.homes import Homes, size_for
memory = memoryview(bytearray(size_for(3)))
asker = Homes(memory, 3, 0)
for index in (1, 2):
    Homes(memory, 3, index).serve(True)
print([asker.elsewhere(f"room-{number}") for number in range(40)])
"""


class Town:
    """So many workers over one memory; all serve, unless a test says otherwise."""

    def __init__(self, workers: int) -> None:
        self.memory = memoryview(bytearray(size_for(workers)))
        self.homes = [Homes(self.memory, workers, index) for index in range(workers)]
        self.supervisor = Homes(self.memory, workers)
        for one in self.homes:
            one.begin()
            one.serve(True)

    def channels_of(self, home: int, count: int = 3) -> list[str]:
        """Channels that are at home with `home`."""
        asker = self.homes[(home + 1) % len(self.homes)]
        names = (f"channel {number}" for number in range(10_000))
        return [name for _, name in zip(range(count), (n for n in names if asker.elsewhere(n) == home), strict=False)]

    def channel_of(self, home: int) -> str:
        return self.channels_of(home, 1)[0]


@pytest.fixture
def town() -> Town:
    return Town(3)


def test_every_channel_has_one_home_and_there_it_is_fine(town):
    homes = set()
    for number in range(200):
        said = {one.elsewhere(f"room-{number}") for one in town.homes}
        assert len(said) == 2, "one says it is fine here, the others all name that one"
        home = (said - {None}).pop()
        assert town.homes[home].elsewhere(f"room-{number}") is None
        homes.add(home)
    assert homes == {0, 1, 2}


def test_another_process_says_the_same():
    own = Town(3).homes[0]
    run = [sys.executable, "-c", ASK]
    said = subprocess.run(run, capture_output=True, text=True, check=True, timeout=30).stdout
    assert said.strip() == str([own.elsewhere(f"room-{number}") for number in range(40)])


def test_names_of_all_alphabets_have_a_home(town):
    for name in ("ü", "кіт", "猫" * 80, "\U0001f408", "a" * 255):
        assert len({one.elsewhere(name) for one in town.homes} - {None}) == 1


def test_a_single_worker_is_at_home_everywhere():
    only = Town(1).homes[0]
    assert {only.elsewhere(f"room-{number}") for number in range(50)} == {None}


def test_nobody_is_sent_to_one_that_does_not_serve_or_is_covered(town):
    channel = town.channel_of(2)
    town.homes[2].serve(False)
    assert town.homes[0].elsewhere(channel) is None
    town.homes[2].serve(True)
    town.supervisor.cover(2, True)
    assert town.homes[0].elsewhere(channel) is None
    town.homes[2].serve(True)  # it does not know that it is covered
    assert town.homes[0].elsewhere(channel) is None
    town.supervisor.cover(2, False)
    assert town.homes[0].elsewhere(channel) == 2
    assert town.homes[2].elsewhere(town.channel_of(1)) == 1, "the others were not meant"


def test_before_anybody_has_said_that_it_serves_everybody_stays():
    memory = memoryview(bytearray(size_for(2)))
    for index in range(2):
        assert {Homes(memory, 2, index).elsewhere(f"room-{number}") for number in range(20)} == {None}


def test_a_large_channel_may_spread_and_one_that_has_become_small_does_not(town):
    channel = town.channel_of(1)
    for _ in range(LARGE - 1):
        town.homes[1].enter(channel)
    assert town.homes[0].elsewhere(channel) == 1
    town.homes[1].enter(channel)
    assert town.homes[0].elsewhere(channel) is None
    assert town.homes[1].elsewhere(channel) is None
    town.homes[1].exit(channel)
    assert town.homes[0].elsewhere(channel) == 1


def test_members_that_are_elsewhere_do_not_make_a_channel_large(town):
    channel = town.channel_of(1)
    for _ in range(2 * LARGE):
        town.homes[0].enter(channel)
        town.homes[2].enter(channel)
    assert town.homes[0].elsewhere(channel) == 1


def test_a_worker_writes_into_no_cell_of_another(town):
    before = bytes(town.memory)
    for name in (*town.channels_of(1), *town.channels_of(2)):
        town.homes[0].enter(name)
        town.homes[0].exit(name)
    assert bytes(town.memory) == before
    for name in town.channels_of(0):
        town.homes[0].enter(name)
    changed = [at // 2 for at in range(2 * CELLS) if town.memory[at] != before[at]]
    assert changed
    assert {cell % 3 for cell in changed} == {0}


def test_more_exits_than_entries_do_not_wrap_round(town):
    channel = town.channel_of(1)
    town.homes[1].exit(channel)
    assert town.homes[0].elsewhere(channel) == 1


def test_a_full_cell_takes_more_members_than_it_counts(town):
    channel = town.channel_of(1)
    for _ in range(70_000):
        town.homes[1].enter(channel)
    assert town.homes[0].elsewhere(channel) is None


def test_one_that_has_many_more_clients_gets_no_more(town):
    channel = town.channel_of(1)
    few = 1000
    town.homes[0].count(few)
    most = int(few * UNEVEN + UNEVEN_FROM)
    town.homes[1].count(most)
    assert town.homes[0].elsewhere(channel) == 1
    town.homes[1].count(most + 1)
    assert town.homes[0].elsewhere(channel) is None
    assert town.homes[2].elsewhere(channel) is None, "it has none at all"
    town.homes[0].count(most)
    assert town.homes[0].elsewhere(channel) == 1


def test_a_small_server_is_never_uneven(town):
    town.homes[1].count(UNEVEN_FROM)
    assert town.homes[0].elsewhere(town.channel_of(1)) == 1


def test_a_successor_begins_with_nothing_and_leaves_the_others_what_they_have(town):
    large, other = town.channel_of(1), town.channel_of(2)
    for _ in range(LARGE):
        town.homes[1].enter(large)
        town.homes[2].enter(other)
    town.homes[1].count(5000)
    successor = Homes(town.memory, 3, 1)
    successor.begin()
    assert town.homes[0].elsewhere(large) is None, "it has not said that it serves"
    successor.serve(True)
    assert town.homes[0].elsewhere(large) == 1
    assert town.homes[0].elsewhere(other) is None, "that one is large as before"


def test_being_covered_is_the_supervisors_word_alone(town):
    town.supervisor.cover(1, True)
    successor = Homes(town.memory, 3, 1)
    successor.begin()
    successor.serve(True)
    assert town.homes[0].elsewhere("anything") != 1
    town.supervisor.cover(1, False)
    assert town.homes[0].elsewhere(town.channel_of(1)) == 1


def test_it_needs_no_more_memory_than_it_says():
    memory = memoryview(bytearray(size_for(2) + 64))
    homes = [Homes(memory, 2, index) for index in range(2)]
    for number in range(1000):
        for one in homes:
            one.enter(f"room-{number}")
            one.serve(True)
            one.cover(1, True)
            one.count(1 << 31)
    assert bytes(memory[size_for(2) :]) == bytes(64)
