"""Breaks what two nodes stand on while people talk there, and compares what was acknowledged, stored and seen.

    python -m tests.scenarios.faults            `make faults`; the suite runs the shorter ones of it

Two members on each node publish; one under keys, who says what was refused again until it is acknowledged. Meanwhile
Redis is killed and comes back empty, PostgreSQL is frozen, stopped and started again, and each way to them is cut, in
one direction or both. On each node somebody asks all the time for a ping, an echo, `readyz`, and a user of the other.
"""

import argparse
import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from functools import partial

from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.scenarios.members import Member, judge
from tests.scenarios.nodes import HEALING_S, Nodes, longest_turn_s, until
from tests.scenarios.talking import Talker, open_raw

CHANNEL = "faults"
PACE_S = 0.02
"""Between two messages of a member: 200 a second from all four."""

CALM_S = 1.0
"""Before a fault, and after it has healed."""

ASKING_S = 0.05

UNREST_S = 0.25
"""Between two lost connections of a restless company."""


class Fault:
    """One of them. `hurts`: which part of which node cannot be had meanwhile, (number, "store" or "broker")."""

    def __init__(self, name, begin, end, lasts_s, hurts):
        self.name, self.begin, self.end, self.lasts_s, self.hurts = name, begin, end, lasts_s, hurts
        self.alone = False

    def where_redis_is_alone(self):
        """The same where Redis keeps the messages, too."""
        hurts = [(number, part) for number, _ in self.hurts for part in ("broker", "store")]
        fault = Fault(f"Redis alone: {self.name}", self.begin, self.end, self.lasts_s, hurts)
        fault.alone = True
        return fault


def kill(nodes, engine):
    getattr(nodes, engine).kill()


def start(nodes, engine):
    getattr(nodes, engine).start()


def end(nodes, engine):
    getattr(nodes, engine).end()


def pause(nodes, engine):
    getattr(nodes, engine).pause()


def resume(nodes, engine):
    getattr(nodes, engine).resume()


def cut(nodes, number, engine, direction):
    nodes.ways[number][engine].cut(direction)


def heal(nodes, number, engine):
    nodes.ways[number][engine].heal()


PARTS = {"redis": "broker", "postgres": "store"}


def link(number, engine, direction, lasts_s):
    """A way that is cut in one direction ("there", "back") or both."""
    name = f"node {number + 1}: way to {engine} cut, {direction}"
    return Fault(
        name, partial(cut, number=number, engine=engine, direction=direction),
        partial(heal, number=number, engine=engine), lasts_s, [(number, PARTS[engine])],
    )  # fmt: skip


def engines():
    """Return the faults of the engines themselves."""
    return [
        engine_fault("redis", "killed, back empty", kill, start, 1),
        engine_fault("redis", "frozen", pause, resume, 7),
        engine_fault("postgres", "frozen", pause, resume, 6),
        engine_fault("postgres", "stopped", end, start, 3),
        engine_fault("postgres", "killed", kill, start, 3),
    ]


def engine_fault(engine, what, begin, over, lasts_s):
    """What happens to a server that both nodes need."""
    hurts = [(0, PARTS[engine]), (1, PARTS[engine])]
    return Fault(f"{engine} {what}", partial(begin, engine=engine), partial(over, engine=engine), lasts_s, hurts)


def links(lasts_s):
    """Return all ways that can be cut."""
    return [
        link(number, engine, direction, lasts_s)
        for engine in PARTS for number in range(2) for direction in ("there", "back", "both")
    ]  # fmt: skip


class Watch:
    """Somebody who asks one node all the time, and writes down how it answers."""

    def __init__(self, server, friend):
        """`friend`: a user of the other node."""
        self._server, self._friend = server, friend
        self.ready = []  # (time, status, reasons)
        self.slowest_s = 0.0  # ping and echo together
        self.rounds = 0
        self.answers = Counter()  # of questions that only all nodes together can answer
        self.failure = None
        self._leaving = threading.Event()
        self._talker = Talker(server.ws())
        self._talker.join("quiet", f"watch {server.port}")
        self._echo = open_raw(server.port)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._leaving.wait(ASKING_S):
                self._look()
        except Exception as error:  # whoever ends the watch hears of it
            self.failure = error

    def _look(self):
        begun = time.monotonic()
        assert self._talker.ask("ping")["type"] == "pong"
        self._echo.sendall(b"\x81\x82\0\0\0\0hi")
        assert self._echo.recv(4) == b"\x81\x02hi"
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        status, _, body = self._server.get("/readyz")
        self.ready.append((time.monotonic(), status, str(json.loads(body))))
        answer = self._talker.ask("direct", to=self._friend, text="there?")
        self.answers[answer.get("code") or f"delivered to {answer['delivered']}"] += 1
        self._talker.kept.clear()
        self.rounds += 1

    def is_ready(self):
        return self.ready[-1][1] == 200

    def reasons(self, since):
        """What `readyz` said while it was 503."""
        return {body for at, status, body in self.ready if at >= since and status == 503}

    def end(self):
        self._leaving.set()
        self._thread.join(30)
        self._talker.socket.shutdown()
        self._echo.close()


class Company:
    """Members and watches of two nodes, for as many faults as are wanted."""

    def __init__(self, nodes, restless=False):
        """`restless`: again and again somebody loses the connection, and comes back at the other node."""
        self.nodes = nodes
        self.restless = restless
        self._leaving = threading.Event()
        first, second = nodes.servers
        self.members = [
            Member(server.ws(), CHANNEL, f"{name} {twin}", 10**9, PACE_S, keyed=twin == "a")
            for name, server in (("one", first), ("two", second)) for twin in "ab"
        ]  # fmt: skip
        for member in self.members:
            member.start()
        self.watches = [Watch(first, "two a"), Watch(second, "one a")]
        if restless:
            for member, other in zip(self.members, (second, second, first, first), strict=True):
                member.urls.append(other.ws())
        self._unrest = threading.Thread(target=self._disturb, daemon=True)
        self._unrest.start()

    def _disturb(self):
        luck = random.Random(1)
        while self.restless and not self._leaving.wait(UNREST_S):
            luck.choice(self.members).cut_off()

    def suffer(self, *faults):
        """Let faults happen at once, and wait until everybody is well again; returns the seconds that took."""
        time.sleep(CALM_S)
        begun = time.monotonic()
        with contextlib.ExitStack() as healing:
            for fault in faults:
                healing.callback(fault.end, self.nodes)
                fault.begin(self.nodes)
            time.sleep(max(fault.lasts_s for fault in faults))
            for number, part in (hurt for fault in faults for hurt in fault.hurts):
                until(partial(self._has_said, number, part, begun), partial(self._explain, number, part), HEALING_S)
        healed = time.monotonic()
        acked, said = self._marks()
        until(lambda: all(watch.ready[-1][0] > healed and watch.is_ready() for watch in self.watches),
              lambda: self.nodes.log, HEALING_S)  # fmt: skip
        until(lambda: all(len(m.acked) > before for m, before in zip(self.members, acked, strict=True))
              and all(m.seq > said for m in self.members), lambda: self.nodes.log, HEALING_S)  # fmt: skip
        return time.monotonic() - healed

    def _marks(self):
        return [len(member.acked) for member in self.members], max(member.seq for member in self.members)

    def _has_said(self, number, part, since):
        return any(f"{part}:" in reason for reason in self.watches[number].reasons(since))

    def _explain(self, number, part):
        return f"node {number} has not said that its {part} is in trouble:\n{self.nodes.servers[number].log}"

    def finish(self):
        """Let everything be said and seen; compare, and return what is stored. Raises AssertionError."""
        time.sleep(CALM_S)
        self._leaving.set()
        for member in self.members:
            member.stop()
        until(lambda: all(member.is_done for member in self.members), lambda: self.nodes.log, HEALING_S)
        until(lambda: len({member.seq for member in self.members}) == 1, self._who_is_behind, HEALING_S)
        seen_by_the_first = list(self.members[0].stretches[-1][1])
        stored = seen_by_the_first if self.nodes.database is None else self.nodes.stored(CHANNEL)
        until(lambda: all(member.seq == len(stored) for member in self.members), self._who_is_behind, HEALING_S)
        judge(self.members, stored)
        for member in self.members:
            assert member.errors.keys() <= {"store_unavailable"}, "nobody who publishes needs more than the store"
            assert len(member.stretches) == 1, "nobody had to begin anew"
            assert self.restless or member.lost_connections == 0, "nobody was thrown out"
        for watch in self.watches:
            assert watch.failure is None, repr(watch.failure)
        return stored

    def _who_is_behind(self):
        return f"{[(member.user, member.seq) for member in self.members]}\n{self.nodes.log}"

    def close(self):
        self._leaving.set()
        for member in self.members:
            member.leave()
        for watch in self.watches:
            watch.end()


@contextlib.contextmanager
def company(redis, postgres=None, restless=False):
    """Two nodes with links that can be broken, and people on them; without a database Redis keeps the messages."""
    nodes = Nodes(2, redis, postgres, proxied=True)
    with nodes, contextlib.closing(Company(nodes, restless)) as people:
        yield people


def run(faults, redis, postgres, restless=False):
    """Let faults happen at once to two new nodes; return figures. Raises AssertionError."""
    with company(redis, None if faults[0].alone else postgres, restless) as people:
        heal_s = people.suffer(*faults)
        stored = people.finish()
        return describe(people, stored, heal_s)


def describe(people, stored, heal_s):
    """Return the figures of a company that has finished: nothing was lost or doubled, or it would not have."""
    members, watches = people.members, people.watches
    turns = [longest_turn_s(server) for server in people.nodes.servers]
    seen = sum(len(messages) for member in members for _, messages in member.stretches)
    return (
        f"    acked {sum(len(member.acked) for member in members):,}, stored {len(stored):,}, seen {seen:,}, lost 0, "
        f"doubled 0, refused {sum(sum(member.errors.values()) for member in members):,}; "
        f"well after {heal_s:.1f} s; longest turn {max(longest for longest, _, _ in turns) * 1000:.1f} ms, "
        f"{sum(late for _, late, _ in turns)} of {sum(count for _, _, count in turns):,} above 20 ms; "
        f"slowest ping and echo {max(watch.slowest_s for watch in watches) * 1000:.1f} ms; "
        f"to the other node: {dict(sum((watch.answers for watch in watches), Counter()))}"
    )


def main():
    parser = argparse.ArgumentParser(description="Break what two nodes stand on, and judge what they say and keep.")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--cut", type=float, default=8, help="how many seconds a way is cut")
    parser.add_argument("--pairs", type=int, default=10, help="how many pairs of faults happen at once")
    parser.add_argument("--restless", action="store_true", help="members lose their connections, too")
    parser.add_argument("--seed", type=int, default=1, help="for the choice of pairs")
    arguments = parser.parse_args()
    failed = 0
    with Redis() as redis, Postgres() as postgres:
        for faults in chosen(arguments):
            print(" and ".join(fault.name for fault in faults), flush=True)
            try:
                print(run(faults, redis, postgres, arguments.restless), flush=True)
            except AssertionError as error:
                failed += 1
                print(f"    FAILED: {error}", flush=True)
    return 1 if failed else 0


def chosen(arguments):
    """Return what is to happen: each fault alone, and pairs that do not undo each other."""
    luck = random.Random(arguments.seed)
    single = [*engines(), *links(arguments.cut)]
    pairs = [
        (one, other) for one in single for other in single
        if one.hurts != other.hurts and len(one.hurts) >= len(other.hurts) and one.name != other.name
    ]  # fmt: skip
    alone = [fault.where_redis_is_alone() for fault in single if "redis" in fault.name and "empty" not in fault.name]
    all_of_them = [(fault,) for fault in single + alone] + luck.sample(pairs, arguments.pairs)
    return [faults for faults in all_of_them if any(arguments.only in fault.name for fault in faults)]


if __name__ == "__main__":
    sys.exit(main())
