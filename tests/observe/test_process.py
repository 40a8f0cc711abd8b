"""What any process tells of itself."""

from tests.reactor.fakes import fake_reactor, turn
from wsserver.observe.families import FAMILIES
from wsserver.observe.process import of_process


def test_a_process_is_one_and_tells_its_age_its_turns_and_its_memory() -> None:
    reactor = fake_reactor()
    started = reactor.now
    reactor.world.time += 7.5
    turn(reactor, 3)
    snapshot = of_process(reactor, started)
    assert snapshot.keys() <= FAMILIES.keys()
    assert (snapshot["wsserver_processes"], snapshot["wsserver_uptime_seconds"]) == (1, 7.5)
    assert snapshot["wsserver_turns"] == sum(snapshot["wsserver_turn_seconds"]["counts"]) == 3
    assert snapshot["wsserver_process_resident_bytes"] > 1 << 20
    assert snapshot["wsserver_process_cpu_seconds"] > 0
    reactor.close()
