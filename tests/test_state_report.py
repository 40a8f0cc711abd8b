"""What SIGUSR1 tells of a server."""

from tests.clients.rig import House
from wsserver.state_report import report


def test_clients_are_counted_by_state_and_what_waits_for_them_is_added_up():
    house = House()
    house.open()
    slow = house.open()
    house.connect()
    slow.client.transport.write(b"x" * 100)
    fields = report(house.registry)
    assert (fields["clients"], fields["open"], fields["created"]) == (3, 2, 1)
    assert fields["queued_bytes"] == fields["queued_most"] == slow.client.transport.queued > 100
    assert fields["timers"] == len(house.reactor.timers) > 0
    assert fields["turns"] == house.reactor.turns > 0
    house.close()


def test_a_server_without_clients_has_numbers_too():
    house = House()
    fields = report(house.registry)
    assert (fields["clients"], fields["queued_bytes"], fields["queued_most"], fields["blocked"]) == (0, 0, 0, 0)
    house.close()
