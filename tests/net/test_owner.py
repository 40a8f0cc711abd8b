from wsserver.clients.client import Client
from wsserver.net.farewell import Farewell
from wsserver.net.owner import Owner


def test_all_who_own_transports_hear_all_that_can_happen():
    methods = {name for name in vars(Owner) if name.startswith("on_")}
    assert len(methods) == 5
    for owner in (Client, Farewell):
        assert methods <= set(dir(owner)), owner
