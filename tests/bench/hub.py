"""Measures what the hub of the workers costs: CPU of the hub and of each worker's link, per message.

    python tests/bench/hub.py [--workers 2] [--seconds 3] [--window 320] [--store memory:|sqlite:PATH]

Real processes, a real hub, and links without a chat: each worker keeps so many messages in flight in 100 channels that
all have opened. Figures are microseconds of CPU per message, which one worker appends and all others hear.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from wsserver.brokers.hub import Hub
from wsserver.brokers.hub_link import HubLink
from wsserver.chat.log import Publication
from wsserver.observe.store_log import StoreLog
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.reactor.world import World
from wsserver.stores.engine import ReactorEngine
from wsserver.stores.opening import open_store

CHANNELS = [f"c{number}" for number in range(100)]
TEXT = "x" * 64


class Chat:
    """Counts what it hears."""

    def __init__(self):
        self.heard = 0

    def __getattr__(self, name):
        return lambda *_: None

    def on_announced(self, _channel, _epoch, messages):
        self.heard += len(messages)


class Worker:
    """Says `window` messages, and one for each that is answered for, at the end of each turn."""

    def __init__(self, reactor, sock, name, window):
        self.reactor = reactor
        self.window = window
        self.chat = Chat()
        self.said = self.done = self.batches = 0
        self.due = 0
        self.link = HubLink(reactor, sock, name, reactor.stop)
        self.link.attach(self.chat)
        for channel in CHANNELS:
            self.link.open(channel, lambda error: None)

    def begin(self):
        self.due = self.window
        self.say()

    def say(self):
        said, count = self.said, self.due
        self.due = 0
        batch = [Publication(CHANNELS[n % len(CHANNELS)], "ann", TEXT, 1) for n in range(said, said + count)]
        self.said += count
        self.batches += 1
        self.link.log.append(batch, self.stored)

    def stored(self, outcome):
        self.done += len(outcome)
        self.due = len(outcome)
        self.reactor.at_end_of_turn(self.say)


def reactor_of(world):
    def report(error):
        raise error

    return Reactor(world, world.open_poller("epoll"), report)


def run_worker(sock, name, options, out):
    world = World()
    reactor = reactor_of(world)
    worker = Worker(reactor, sock, name, options.window // options.workers)
    reactor.call_later(0.5, worker.begin)
    start = {}

    def note():
        start.update(cpu=time.process_time(), done=worker.done, heard=worker.chat.heard, batches=worker.batches)

    reactor.call_later(1.0, note)
    reactor.call_later(1.0 + options.seconds, reactor.stop)
    reactor.run()
    figures = {
        "cpu": time.process_time() - start["cpu"],
        "done": worker.done - start["done"],
        "heard": worker.chat.heard - start["heard"],
        "batches": worker.batches - start["batches"],
    }
    os.write(out, json.dumps(figures).encode() + b"\n")
    time.sleep(0.5)  # the others and the hub measure until now
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--window", type=int, default=640)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--store", default="")
    options = parser.parse_args()
    world = World()
    pairs = [world.socket_pair() for _ in range(options.workers)]
    ours, out = os.pipe()
    for number, (_, theirs) in enumerate(pairs):
        if not os.fork():
            run_worker(theirs, f"w{number}", options, out)
    with tempfile.TemporaryDirectory() as folder:
        reactor = reactor_of(world)
        offload = Offload(reactor.post)
        url = options.store or f"sqlite:{folder}/chat.db"
        store = open_store(url, ReactorEngine(reactor, offload), StoreLog(reactor.stop), lambda _: 10_000)
        hub = Hub(reactor, store)
        for mine, theirs in pairs:
            theirs.close()
            hub.admit(mine)
        marks = []
        for at in (1.0, 1.0 + options.seconds):
            reactor.call_later(at, lambda: marks.append((time.process_time(), reactor.turns)))
        reactor.call_later(1.1 + options.seconds, reactor.stop)
        reactor.run()
        hub.close()
        offload.close(5)
        store.close()
    os.close(out)
    with os.fdopen(ours) as lines:
        figures = [json.loads(line) for line in lines]
    total = sum(one["done"] for one in figures)
    turns = marks[1][1] - marks[0][1]
    print(f"{total / options.seconds:,.0f} messages/s, {total / turns:.0f} a turn of the hub, {url.partition(':')[0]}")
    print(f"hub   {1e6 * (marks[1][0] - marks[0][0]) / total:.2f} us a message")
    cpu = sum(one["cpu"] for one in figures)
    print(f"links {1e6 * cpu / total:.2f} us a message, all workers together")


if __name__ == "__main__":
    main()
