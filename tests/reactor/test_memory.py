import platform
import subprocess
import sys

import pytest

TURNS = """
import resource, sys
from wsserver.reactor.memory import keep_freed_memory
if sys.argv[1] == "taught":
    keep_freed_memory()

def turn():
    return len([bytes([number]) * 65_536 for number in range(16)])

turn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    turn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
"""A turn takes and frees 1 MiB, 256 pages."""


def page_faults(mode):
    done = subprocess.run([sys.executable, "-c", TURNS, mode], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory by rules of its own")
def test_memory_of_one_turn_is_there_for_the_next():
    assert page_faults("taught") < 100 < page_faults("untaught")
