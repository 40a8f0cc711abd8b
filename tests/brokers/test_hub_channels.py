"""What the hub knows of channels is bounded, and a number is never given twice."""

from wsserver.brokers.hub_channels import HubChannels
from wsserver.stores.memory import MemoryStore


def channels(limit=16, opened=(), seed=bytes(8)):
    store = MemoryStore(lambda count: seed[:count], lambda: 0.0)
    return store, HubChannels(store, lambda channel: channel in opened, limit)


def test_channel_keeps_its_number_and_its_part():
    store, known = channels()
    assert [known.number_of(name) for name in "abac"] == [1, 2, 1, 3]
    assert known.part_of("a") is store


def test_quiet_channels_are_forgotten_and_released_when_there_is_no_room():
    store, known = channels(16, opened={"c0", "c1"})
    for number in range(100):
        name = f"c{number}"
        known.part_of(name).head(name)
    assert len(known) <= 17
    assert len(store._channels) <= 17
    assert {"c0", "c1", "c99"} <= store._channels.keys()


def test_number_of_a_forgotten_channel_is_not_used_again():
    _, known = channels(16)
    numbers = [known.number_of(f"c{number}") for number in range(100)] + [known.number_of("c0")]
    assert numbers == list(range(1, 102)) and len(known) <= 17


def test_looking_for_room_in_vain_is_rare():
    asked = []
    store = MemoryStore(bytes, lambda: 0.0)
    known = HubChannels(store, lambda channel: asked.append(channel) or True, 64)
    for number in range(1000):
        known.number_of(f"c{number}")
    assert len(known) == 1000 and len(asked) < 70_000 // 8 * 8 and len(asked) / 1000 < 70
