"""What the real world gives a store."""

from tests.reactor.fakes import fake_reactor, turn
from wsserver.reactor.offload import Offload
from wsserver.stores.engine import Engine, ReactorEngine


def test_it_is_the_reactor_s_clock_luck_timers_and_threads() -> None:
    reactor = fake_reactor()
    offload = Offload(reactor.post)
    engine: Engine = ReactorEngine(reactor, offload)
    assert engine.monotonic() == reactor.world.time == 1000.0
    assert engine.wall_ms() > 1_700_000_000_000
    assert len(engine.random_bytes(8)) == 8
    assert engine.boot_id() == engine.boot_id()
    fired: list[str] = []
    engine.call_later(5.0, lambda: fired.append("timer"))
    engine.offload(lambda: "result", fired.append)
    assert offload.close(10.0)
    reactor.world.time += 5
    turn(reactor)
    assert fired[:1] == ["timer"]
    reactor.close()
