"""Whoever comes, goes, is lost, comes back or is thrown out: counts are exact, and announcements add up to the list.

The chat is real, with a clock that is told to jump; beside it runs a model of a dozen lines.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.fakes import World

GRACE_S = 5.0
ROUNDING_S = 1e-6

USERS = ["ann", "ann", "ann", "bob", "bob", "cid", "dora"]
"""Who the clients are: some of them are one user."""

CHANNELS = ["left", "right"]

ENDS = {"close": 1000, "go away": 1001, "lose": 1006, "fall silent": 4040, "drain": 1012}


class Model:
    """What must be true of one channel: a user is in it with a client, or was lost so little ago."""

    def __init__(self):
        self.clients = []  # users, one entry for each client
        self.grace = {}  # user -> until when

    def present(self, now):
        return set(self.clients) | {user for user, until in self.grace.items() if until > now + ROUNDING_S}

    def enter(self, user):
        self.clients.append(user)
        self.grace.pop(user, None)

    def exit(self, user, now, clean):
        self.clients.remove(user)
        if user not in self.clients and not clean:
            self.grace[user] = now + GRACE_S


class Member:
    """One client, and whom it believes to be in each of its channels: lists replace that, announcements change it."""

    def __init__(self, user):
        self.user = user
        self.client = None
        self.believes = {}


class Walk:
    """The clients, the chat and the model."""

    def __init__(self):
        self.world = World(leave_grace_s=GRACE_S)
        self.members = [Member(user) for user in USERS]
        self.models = {channel: Model() for channel in CHANNELS}
        self.announcements = 0

    @property
    def now(self):
        return self.world.surroundings.now

    def take(self, verb, member, channel):
        """Make one move, if it can be made now, and judge what is heard of it."""
        if verb == "join":
            self.join(member, channel)
        elif verb in ("leave", "ask"):
            if channel in member.believes:
                self.leave(member, channel) if verb == "leave" else self.ask(member, channel)
        elif verb == "kick":
            self.world.router.kick(member.user)
            for other in self.members:
                if other.client and other.client.peer.closed:
                    self.end(other, other.client.peer.closed[0])
        elif verb in ENDS:
            if member.client:
                if verb == "drain":
                    self.world.router.on_drain(member.client.peer, 1.0)
                self.end(member, ENDS[verb])
        else:
            self.wait(verb)
        self.listen()

    def join(self, member, channel):
        if member.client is None:
            member.client = self.world.connect()
        if channel not in member.believes:
            self.models[channel].enter(member.user)
        member.client.say("join", channel=channel, user=member.user)
        member.believes.setdefault(channel, set())
        self.world.end_turn()

    def leave(self, member, channel):
        del member.believes[channel]
        member.client.say("leave", channel=channel)
        self.models[channel].exit(member.user, self.now, clean=True)
        self.world.end_turn()
        self.listen()

    def ask(self, member, channel):
        member.client.say("presence", channel=channel)

    def end(self, member, code):
        for channel in member.believes:
            self.models[channel].exit(member.user, self.now, clean=code == 1000)
        client, member.client, member.believes = member.client, None, {}
        client.gone(code)

    def wait(self, seconds):
        """Let time pass from timer to timer, and listen at each."""
        until = self.now + seconds
        while due := [timer.at for timer in self.world.surroundings.armed() if timer.at <= until]:
            self.world.advance(max(0.0, min(due) - self.now))
            self.listen()
        self.world.advance(until - self.now)

    def listen(self):
        """Judge everything that was said since the last time; the model is as of now."""
        for member in self.members:
            for event in member.client.hear() if member.client else ():
                channel = event.get("channel")
                if channel not in member.believes or event["type"] not in ("joined", "presence"):
                    continue
                present = self.models[channel].present(self.now)
                assert event["count"] == len(present)
                if "users" in event:
                    assert sorted(event["users"]) == sorted(present)
                    member.believes[channel] = set(event["users"])
                else:
                    self.announcements += 1
                    assert event["joined"] or event["left"]
                    assert not set(event["joined"]) & set(event["left"])
                    member.believes[channel] -= set(event["left"])
                    member.believes[channel] |= set(event["joined"])

    def judge_at_rest(self):
        """When nothing is left to be announced, everybody knows exactly who is there."""
        self.wait(2 * GRACE_S)
        for channel, model in self.models.items():
            present = model.present(self.now)
            for member in self.members:
                if channel in member.believes:
                    assert member.believes[channel] == present
        assert self.world.surroundings.armed() == []


verbs = st.sampled_from(["join"] * 6 + ["leave"] * 3 + ["ask", "kick", 0.1, 0.1, 0.25, 3.0, 6.0, *ENDS])
moves = st.lists(st.tuples(verbs, st.integers(0, len(USERS) - 1), st.sampled_from(CHANNELS)), max_size=40)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(moves)
def test_after_any_moves_counts_are_exact_and_announcements_add_up_to_the_list(moves):
    walk = Walk()
    for verb, number, channel in moves:
        walk.take(verb, walk.members[number], channel)
    walk.judge_at_rest()


def test_above_a_hundred_users_changes_are_told_every_five_seconds_and_names_are_cut_at_a_hundred():
    world = World()
    watcher = world.connect("watcher")
    crowd = [world.connect(f"user-{number}") for number in range(100)]
    world.advance(0.25)
    assert [event["count"] for event in watcher.hear_type("presence")] == [101]
    late = world.connect()
    joined = late.join("lobby", "late")
    assert (len(joined["users"]), joined["more"], joined["count"]) == (100, 2, 102)
    world.advance(4.9)
    assert watcher.hear_type("presence") == []
    world.advance(0.1)
    assert [(event["joined"], event["count"]) for event in watcher.hear_type("presence")] == [(["late"], 102)]
    for client in crowd:
        client.gone(1000)
    late.gone(1000)
    world.advance(5.0)
    told = watcher.hear_type("presence")
    assert [event["count"] for event in told] == [1]
    assert len(told[0]["left"]) + told[0]["more"] == 101
    assert len(told[0]["left"]) == 100


def test_with_names_cut_every_count_is_exact_and_what_is_over_is_counted():
    world = World(names=2)
    watcher = world.connect("watcher")
    crowd = [world.connect(f"user-{number}") for number in range(7)]
    world.advance(0.25)
    [change] = watcher.hear_type("presence")
    assert (change["joined"], change["more"], change["count"]) == (["user-0", "user-1"], 5, 8)
    crowd[0].gone(1006)
    crowd[1].gone(1000)
    world.advance(0.25)
    [change] = watcher.hear_type("presence")
    assert (change["left"], "more" in change, change["count"]) == (["user-1"], False, 7)
    world.advance(GRACE_S + 1)
    [change] = watcher.hear_type("presence")
    assert (change["left"], change["count"]) == (["user-0"], 6)
