"""Very large audiences: everybody hears the same, in one order, each thing once, however slowly the hand goes round."""

import json
from random import Random

import pytest

from tests.chat.fakes import FakePeer, FakeSurroundings, World
from wsserver.chat import audience, history, rounds
from wsserver.chat.rounds import STEP_BYTES, STEP_MEMBERS, Rounds
from wsserver.clients.router import Stream
from wsserver.websocket.codes import BINARY, TEXT
from wsserver.websocket.prepared import PreparedMessage


class Crowd:
    """Rounds over some peers, and what each peer should hear in the end."""

    def __init__(self, count: int) -> None:
        self.world = FakeSurroundings()
        self.peers = [FakePeer(str(number)) for number in range(count)]
        self.rounds = Rounds({peer: peer.wire for peer in self.peers}, self.world)
        self.due: dict[FakePeer, list[str]] = {peer: [] for peer in self.peers}
        self.said = 0

    def say(self, stream: Stream | None = None) -> None:
        self.said += 1
        self.rounds.append(PreparedMessage(b"%d" % self.said), stream)
        for peer in self.peers:
            self.due[peer].append(str(self.said))

    def enter(self) -> FakePeer:
        peer = FakePeer()
        self.peers.append(peer)
        self.due[peer] = []
        self.rounds.enter(peer, peer.wire)
        return peer

    def leave(self, peer: FakePeer) -> None:
        self.peers.remove(peer)
        self.rounds.leave(peer)

    def missing(self, peer: FakePeer) -> int:
        """How much a peer has not heard; what it has heard must be the beginning of what it should."""
        heard = [payload.decode() for _, payload in peer.sent]
        assert heard == self.due[peer][: len(heard)]
        return len(self.due[peer]) - len(heard)


def test_nobody_hears_anything_before_the_first_step_and_everybody_does_after_the_last() -> None:
    crowd = Crowd(3 * STEP_MEMBERS)
    crowd.say()
    assert crowd.world.deliveries == 0
    crowd.world.serve(steps=2)
    assert [crowd.missing(peer) for peer in crowd.peers] == [0] * 2 * STEP_MEMBERS + [1] * STEP_MEMBERS
    assert crowd.rounds.busy
    crowd.world.serve()
    assert crowd.world.deliveries == 3 * STEP_MEMBERS
    assert not crowd.rounds.busy
    assert crowd.rounds.size == 0


def test_what_is_said_meanwhile_travels_together_to_those_who_wait() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    crowd.say()
    crowd.world.serve(steps=1)
    crowd.say()
    crowd.say()
    sends = []
    crowd.world.send_at_once = lambda wires, message, stream=None: sends.append((len(wires), message.count))  # type: ignore[method-assign]
    crowd.world.serve()
    assert sends == [(STEP_MEMBERS, 3), (STEP_MEMBERS, 2)]


def test_it_is_put_on_the_list_of_work_once_and_again_when_it_was_done() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    for _ in range(3):
        crowd.say()
        assert len(crowd.world.work) == 1
    crowd.world.serve()
    assert crowd.world.work == []
    crowd.say()
    assert len(crowd.world.work) == 1


def test_a_step_that_fails_is_not_the_last_one() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    send = crowd.world.send_at_once

    def fail(*_: object) -> None:
        raise LookupError("a mistake of ours")

    crowd.say()
    crowd.world.send_at_once = fail  # type: ignore[method-assign]
    with pytest.raises(LookupError):
        crowd.world.serve()
    crowd.world.send_at_once = send  # type: ignore[method-assign]
    crowd.say()
    crowd.world.serve()
    heard = [[payload for _, payload in peer.sent] for peer in crowd.peers]
    assert heard == [[b"2"]] * STEP_MEMBERS + [[b"1", b"2"]] * STEP_MEMBERS


def test_who_leaves_is_given_the_rest_and_who_comes_hears_only_what_is_new() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    crowd.say()
    leaver = crowd.peers[-1]
    newcomer = crowd.enter()
    crowd.leave(leaver)
    assert crowd.missing(leaver) == 0
    crowd.say()
    crowd.world.serve()
    assert [payload for _, payload in newcomer.sent] == [b"2"]
    assert [payload for _, payload in leaver.sent] == [b"1"]


def test_who_is_answered_is_given_the_rest_first_and_nothing_twice() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    crowd.say()
    crowd.say()
    waiting, served = crowd.peers[-1], crowd.peers[0]
    crowd.world.serve(steps=1)
    for peer in (waiting, served, waiting):
        crowd.rounds.settle(peer)
        assert crowd.missing(peer) == 0
    crowd.say()
    crowd.world.serve()
    assert [crowd.missing(peer) for peer in crowd.peers] == [0] * len(crowd.peers)


def test_long_messages_go_to_fewer_at_a_step() -> None:
    crowd = Crowd(STEP_MEMBERS)
    crowd.rounds.append(PreparedMessage(b"x" * (STEP_BYTES // 4)), None)
    crowd.world.serve(steps=1)
    assert crowd.world.deliveries == 4  # with its header a little more than there is room for
    crowd = Crowd(STEP_MEMBERS)
    crowd.rounds.append(PreparedMessage(b"x" * 2 * STEP_BYTES), None)
    crowd.world.serve(steps=1)
    assert crowd.world.deliveries == 1


def test_what_belongs_to_another_stream_is_a_piece_of_its_own() -> None:
    crowd, news, notices = Crowd(STEP_MEMBERS), Stream("latest"), Stream("close")
    for stream in (news, news, notices, news):
        crowd.say(stream)
    crowd.world.serve()
    assert crowd.world.streams == [news, notices, news]
    assert crowd.missing(crowd.peers[0]) == 0


def test_who_is_handed_the_rest_is_counted_once() -> None:
    crowd = Crowd(2 * STEP_MEMBERS)
    crowd.say()
    crowd.say()
    peer = crowd.peers[-1]
    crowd.rounds.settle(peer)
    assert peer.messages_out == -2  # the surroundings count two, the circle counts two for everybody


def test_empty_places_are_closed_up_while_nobody_speaks_and_while_they_always_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "STEP_MEMBERS", 7)
    crowd, random = Crowd(100), Random(1)
    for _ in range(2000):
        crowd.enter()
        crowd.leave(random.choice(crowd.peers))
        assert crowd.rounds.places <= 2 * 100 + rounds.SPARE_PLACES + 1
    crowd.say()
    most = 0
    for _ in range(2000):
        crowd.world.serve(steps=1)
        crowd.say()
        crowd.rounds.settle(random.choice(crowd.peers))
        most = max(most, crowd.rounds.places)
    lap = 100  # settled in one round of the hand, at most about so many
    assert most <= 2 * 100 + rounds.SPARE_PLACES + 2 * lap
    crowd.world.serve()
    assert [crowd.missing(peer) for peer in crowd.peers] == [0] * 100


@pytest.mark.parametrize("seed", range(40))
def test_whoever_comes_goes_and_speaks_each_hears_exactly_its_part(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    monkeypatch.setattr(rounds, "STEP_MEMBERS", random.choice([1, 3, 10]))
    monkeypatch.setattr(rounds, "SPARE_PLACES", random.choice([0, 5, 64]))
    crowd = Crowd(random.choice([0, 1, 5, 30]))
    streams = [None, None, None, Stream("latest")]
    steps = random.choice([1, 2, 5])
    for _ in range(400):
        what = random.choice(["say", "enter", "leave", "settle", "step", "step"])
        if what == "say":
            crowd.say(random.choice(streams))
        elif what == "enter":
            crowd.enter()
        elif what == "step":
            crowd.world.serve(random.randint(1, steps))
        elif crowd.peers:
            peer = random.choice(crowd.peers)
            (crowd.leave if what == "leave" else crowd.rounds.settle)(peer)
            assert crowd.missing(peer) == 0
        missing = [crowd.missing(peer) for peer in crowd.peers]
        assert crowd.rounds.busy or not any(missing)
        assert len(crowd.rounds) == len(crowd.peers)
    crowd.world.serve()
    assert [crowd.missing(peer) for peer in crowd.due if peer in crowd.peers] == [0] * len(crowd.peers)
    assert (crowd.rounds.busy, crowd.rounds.size) == (False, 0)


# -- the same as if it were small -------------------------------------------------------------------------------------

ROOMS = ("lobby", "hall")


class Life:
    """A chat to which things happen by chance. With the same seed the same happens, whatever becomes of deliveries."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World(leave_grace_s=1.0)
        self.peers: list[FakePeer] = []  # all there ever were
        self.clients = [self.arrive() for _ in range(12)]
        self.ids = 0

    def arrive(self) -> FakePeer:
        client = self.world.connect()
        self.peers.append(client.peer)
        return client.peer

    def go_on(self) -> None:
        """Let one thing happen."""
        random = self.random
        number = random.randrange(len(self.clients))
        peer, room = self.clients[number], random.choice(ROOMS)
        self.ids += 1
        what = random.choice(
            ["join", "join", "message", "message", "message", "unasked", "leave", "presence", "history", "relay",
             "broadcast", "gone", "time", "turn", "turn", "late", "answer"]
        )  # fmt: skip
        if what == "join":
            since = random.choice([{}, {"since": random.randint(0, 30), "epoch": self.epoch(peer, room)}])
            self.say(peer, type="join", channel=room, user=f"user-{number}", history=random.choice([0, 3]), **since)
        elif what == "message":
            self.say(peer, type="message", channel=room, text="x" * random.randint(1, 60))
        elif what == "unasked":
            unasked = {"type": "message", "channel": room, "text": "y"}
            self.world.router.on_message(peer, json.dumps(unasked).encode(), TEXT)
        elif what == "broadcast":
            self.say(peer, type="broadcast", text="to all")
        elif what == "relay":
            self.world.router.on_message(peer, bytes([0, 0, 0, random.choice([1, 2])]) + b"raw", BINARY)
        elif what == "gone":
            self.world.router.on_close(peer, random.choice([1000, 1006]), "")
            self.clients[number] = self.arrive()
        elif what == "time":
            self.world.advance(random.choice([0.05, 0.3, 1.5]))
        elif what == "turn":
            self.world.end_turn()
        elif what == "late":
            self.world.store.late = random.random() < 0.5
        elif what == "answer":
            self.answer()
        else:
            self.say(peer, type=what, channel=room)

    def say(self, peer: FakePeer, **command: object) -> None:
        self.world.router.on_message(peer, json.dumps({**command, "id": self.ids}).encode(), TEXT)

    def epoch(self, peer: FakePeer, room: str) -> str:
        return str(self.world.store.head(room).epoch)

    def answer(self) -> None:
        if self.world.store.out is not None:
            self.world.store.answer()

    def end(self) -> None:
        """Let all that is under way arrive."""
        self.world.store.late = False
        self.world.end_turn()
        self.answer()
        for _ in range(5):
            self.world.advance(10.0)
        self.world.surroundings.serve()

    def heard(self, peer: FakePeer, about: object) -> list[str]:
        """What a client has heard of one room, or (None) of what is no room's."""
        return [written for topic, written in map(_topic, peer.sent) if topic == about]


def _topic(sent: tuple[int, bytes]) -> tuple[object, str]:
    opcode, payload = sent
    if opcode == BINARY:
        return ROOMS[payload[3] - 1], repr(payload)
    event = json.loads(payload)
    if event["type"] == "error":
        return "errors", payload.decode()
    return event.get("channel"), payload.decode()


@pytest.mark.parametrize("seed", range(30))
def test_everybody_hears_of_a_room_what_they_would_hear_if_it_were_small(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_CHARS", 400)  # so that there is something to catch up with
    small, large, random = Life(seed), Life(seed), Random(seed)
    for life in (small, large):
        for room in ROOMS:
            life.world.router.channels.open(room)
    behind = 0
    for _ in range(600):
        small.go_on()
        with monkeypatch.context() as patch:
            patch.setattr(audience, "MANY", 1)
            patch.setattr(rounds, "STEP_MEMBERS", 1 + seed % 3)
            large.go_on()
            if random.random() < 0.6:
                large.world.surroundings.serve(random.randint(1, 4))
        behind += bool(large.world.surroundings.work)
    small.end()
    with monkeypatch.context() as patch:
        patch.setattr(audience, "MANY", 1)
        large.end()
    assert behind > 50, "nobody was ever behind: nothing was tried"
    for one, other in zip(small.peers, large.peers, strict=True):
        for about in (*ROOMS, None):
            assert large.heard(other, about) == small.heard(one, about)
