"""What of a batch belongs to one channel, and what is done when it has been delivered."""

from tests.chat.cluster_rig import Sea
from wsserver.chat.channels import Channel
from wsserver.chat.lane import Origin
from wsserver.chat.log import Stored
from wsserver.chat.share import share_out
from wsserver.chat.vocabulary import Event, MessageAck, MessageEvent


class Teller:
    """Somebody who publishes as the server."""

    def __init__(self) -> None:
        self.pending = 0
        self.heard: list[Event] = []

    def send(self, event: Event) -> None:
        self.heard.append(event)

    def refuse(self, error: Exception, id: str | int | None) -> None:
        raise error


def said(
    teller: Teller, channel: Channel, seq: int, id: int | None = None, repeat: bool = False
) -> tuple[Origin, Stored]:
    teller.pending += 1
    channel.pending += 1
    return (teller, id, channel), Stored(MessageEvent(channel.name, seq, "ann", str(seq), 7), repeat)


def test_each_channel_gets_its_messages_in_their_order_and_repeats_are_acked_but_not_delivered() -> None:
    teller, one, two = Teller(), Channel("one", 1), Channel("two", 2)
    batch = [
        said(teller, one, 4),
        said(teller, two, 1, id=8),
        said(teller, one, 2, id=9, repeat=True),
        said(teller, one, 5),
    ]
    resumed: list[int] = []
    shares = share_out([origin for origin, _ in batch], [stored for _, stored in batch], lambda: resumed.append(1))
    assert [(channel.name, [m.seq for m in share.messages]) for channel, share in shares.items()] == [
        ("one", [4, 5]),
        ("two", [1]),
    ]
    shares[one].conclude()
    assert (one.pending, two.pending, teller.pending, len(resumed)) == (0, 1, 1, 1)
    assert teller.heard == [MessageAck("one", 2, 7, True, id=9)]
    assert shares[one].peers == []  # the server is nobody's peer


def test_who_gets_an_ack_as_well_is_sent_both_at_once_and_the_others_do_not_wait_for_that() -> None:
    sea = Sea(1)
    node = sea.nodes[0]
    ann, bob, eve = (node.connect(name) for name in ("ann", "bob", "eve"))
    around = node.surroundings
    at_once, reached = around.send_at_once, []

    def note(wires, message, stream=None):  # type: ignore[no-untyped-def]
        wires = list(wires)
        reached.append(len(wires))
        at_once(wires, message, stream)

    around.send_at_once = note  # type: ignore[method-assign]
    ann.say("message", channel="lobby", text="hi", id=1)
    sea.settle()
    assert reached == [2]
    assert [event["type"] for event in ann.hear()] == ["message", "ack"]
    assert len(bob.hear_type("message")) == len(eve.hear_type("message")) == 1
