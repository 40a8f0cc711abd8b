import os
import subprocess
import sys

import pytest

from wsserver.bench.errors import UsageError
from wsserver.bench.usage import ServerUsage
from wsserver.reactor.world import World

SPIN = """\
import sys, time
print("up", flush=True)
sys.stdin.read(1)
while time.process_time() < 0.3:
    pass
print("spun", flush=True)
sys.stdin.read(1)
"""


@pytest.fixture
def process():
    with subprocess.Popen(
        [sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def test_cpu_and_memory_of_a_process_are_read(process):
    usage = ServerUsage(World(), [process.pid])
    before = usage.read()
    process.stdin.write("x")
    process.stdin.flush()
    assert process.stdout.readline() == "spun\n"
    after = usage.read()
    assert 0.1 < after.cpu_s - before.cpu_s < 0.4
    assert after.resident_bytes > 1 << 20
    assert after.at_s > before.at_s
    assert len(after.core_busy_s) == os.cpu_count()
    assert sum(after.core_busy_s) > sum(before.core_busy_s)


def test_without_processes_only_the_cores_are_read():
    usage = ServerUsage(World(), [])
    reading = usage.read()
    assert (usage.pids, reading.cpu_s, reading.resident_bytes) == ([], 0, 0)
    assert reading.core_busy_s


def test_children_belong_to_the_server(process):
    assert ServerUsage(World(), [os.getpid(), process.pid]).pids.count(process.pid) == 1


def test_a_process_that_has_gone_counts_nothing(process):
    usage = ServerUsage(World(), [process.pid])
    process.kill()
    process.wait()
    assert (usage.read().cpu_s, usage.read().resident_bytes) == (0, 0)


def test_a_process_that_is_not_there_is_a_sentence():
    with pytest.raises(UsageError, match=r"--server-pid 4194305: there is no such process"):
        ServerUsage(World(), [2**22 + 1])
