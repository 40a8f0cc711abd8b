"""Which worker serves whom, and where channels are at home: for servers of several processes on real sockets.

Read next: `test_handoff.py`.
"""

import contextlib
import itertools
import os
import re

from tests.scenarios.talking import Talker
from tests.scenarios.working import until, workers_of
from wsserver.chat.homes import Homes, size_for

HANDED = re.compile(r"client_gone.*handed to worker")
"""What a worker says in its log, at the level `debug`, of each client that it has handed over."""

NUMBERS = itertools.count(1)

SCOUTS = 6
"""To each home: that they are all served by one process, and by another for each home, without being handed there,
happens once in two thousand times. Workers hand nobody over before they have heard of each other, and of Redis."""


def home_of(channel, workers):
    """The index of the worker where a channel is at home."""
    memory = memoryview(bytearray(size_for(workers)))
    for index in range(workers):
        Homes(memory, workers, index).serve(True)
    home = Homes(memory, workers, 0).elsewhere(channel)
    return 0 if home is None else home


def channel_at(home, workers):
    """A new channel that is at home there."""
    return next(name for name in map("hall-{}".format, NUMBERS) if home_of(name, workers) == home)


class Crew:
    """The workers of a running server, by index."""

    def __init__(self, server, count=2):
        self.server = server
        self._count = count
        self.pids = until(self._find)

    def home_of(self, channel):
        """The index of the worker where a channel is at home."""
        return home_of(channel, self._count)

    def channel(self, home):
        """A new channel that is at home there."""
        return channel_at(home, self._count)

    def _find(self):
        """Send scouts to each home and see who serves them; None: they were not all handed over there, yet."""
        pids = []
        for index in range(self._count):
            scouts = [Talker(self.server.ws()) for _ in range(SCOUTS)]
            answers = [scout.ask("join", channel=self.channel(index))["type"] for scout in scouts]
            pids += set(self.server_of(scouts))
            for scout in scouts:
                scout.close()
            if set(answers) != {"joined"} or len(pids) != index + 1:
                return None
        return pids if len(set(pids)) == len(pids) else None

    def server_of(self, talkers):
        """The pid of the process that serves each of some clients."""
        return servers(self.server, [talker.socket.sock.getsockname()[1] for talker in talkers])

    def index_of(self, talkers):
        """The index of the worker that serves each of them."""
        return [self.pids.index(pid) for pid in self.server_of(talkers)]

    def worker(self, index):
        return workers_of(self.server)[self.pids[index]]


def servers(server, ports):
    """The pids of the processes that serve connections from these ports; each must have one."""

    def look():
        held = held_by(server)
        found = [[pid for pid, known in held.items() if port in known] for port in ports]
        return [pids[0] for pids in found] if all(len(pids) == 1 for pids in found) else None

    return until(look)


def held_by(server):
    """The ports from which the connections come that each process serves, by its pid (proc(5), net/tcp and fd).

    psutil reads the table of the whole machine once for each process, which takes a third of a second on a busy one.
    """
    here, ports = f":{server.port:04X}", {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for fields in map(str.split, table):
            if fields[1].endswith(here):
                ports[f"socket:[{fields[9]}]"] = int(fields[2].rpartition(":")[2], 16)
    return {pid: {ports[name] for name in open_files(pid) if name in ports} for pid in workers_of(server)}


def open_files(pid):
    """What the descriptors of a process lead to. One may be closed, and the process may end, while we look."""
    try:
        names = [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            yield os.readlink(name)


def nobody_serves(server, talkers):
    """Whether all of some clients are on their way: no process has their connections."""
    ports = {talker.socket.sock.getsockname()[1] for talker in talkers}
    return all(ports.isdisjoint(held) for held in held_by(server).values())


def handed(server):
    """How many clients have been handed over, as the log says."""
    return len(HANDED.findall(server.log))
