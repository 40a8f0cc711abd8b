"""What the page decides without a document: when to come back, what is missing, what is on its way, what to draw.

The modules run in the browser that they are written for, with sockets and a clock that are fakes.
"""

import json
import shlex
from pathlib import Path

import pytest

from tests.browser.page import Page

FAKES = (Path(__file__).parent / "fakes.js").read_text()


@pytest.fixture(scope="module")
def run(chrome, server):
    """Run a piece of JavaScript behind the fakes and return what it returns."""
    first = chrome.current_window_handle
    chrome.switch_to.new_window("window")
    page = Page(chrome, chrome.current_window_handle).open(server.address)
    yield lambda script: page.run(f"return (async () => {{ {FAKES}\n{script} }})()")
    page.chrome.close()
    chrome.switch_to.window(first)


def test_waiting_time_is_drawn_between_half_a_second_and_a_ceiling_that_doubles_up_to_twenty(run):
    drawn = run("""
        const { backoffMs } = await from("backoff");
        return [0, 1, 2, 5, 1000].map((attempt) => [0, 0.5, 1].map((random) => backoffMs(attempt, random)));
    """)
    assert drawn == [
        [500, 750, 1000],
        [500, 1250, 2000],
        [500, 2250, 4000],
        [500, 10250, 20000],
        [500, 10250, 20000],
    ]


def test_silent_server_is_asked_for_a_sign_of_life_and_given_up_without_one(run):
    states = run("""
        const world = await World.inLobby();
        const { socket, connection } = world;
        const seen = [];
        const look = () => seen.push([socket.last("ping") !== undefined, socket.closedWith, connection.state.kind]);
        await world.clock.advance(24_999); look();
        await world.clock.advance(1); look();
        await world.clock.advance(10_000); look();
        return seen;
    """)
    assert states == [[False, None, "online"], [True, None, "online"], [True, 4040, "waiting"]]


def test_server_that_answers_pings_stays_connected(run):
    assert run("""
        const world = await World.inLobby();
        for (let ping = 0; ping < 10; ping += 1) {
          await world.clock.advance(25_000);
          await world.socket.answer("ping", { type: "pong", ts: 0 });
        }
        return [world.connection.state.kind, world.sockets.length];
    """) == ["online", 1]


def test_connection_that_never_says_welcome_is_given_up(run):
    assert run("""
        const world = new World();
        world.chat.enter("Ann");
        await world.clock.advance(15_000);
        return [world.sockets[0].closedWith, world.connection.state.kind];
    """) == [4040, "waiting"]


def test_draining_server_chooses_when_we_come_back(run):
    assert run("""
        const world = await World.inLobby();
        await world.socket.hear({ type: "goaway", reconnect_in: 7.5 });
        await world.clock.advance(2000);
        await world.socket.lose(1012);
        return [world.connection.state.retryAt - world.clock.now(), world.connection.state.sentence];
    """) == [5500, "The server is restarting."]


@pytest.mark.parametrize(
    ("code", "kind", "connections"),
    [(1006, "waiting", 2), (4008, "waiting", 2), (4499, "waiting", 2), (4501, "stopped", 1), (4999, "stopped", 1)],
)
def test_close_code_decides_whether_we_come_back(run, code, kind, connections):
    assert run(f"""
        const world = await World.inLobby();
        await world.socket.lose({code});
        const {{ kind }} = world.connection.state;
        await world.clock.advance(2000);
        return [kind, world.sockets.length];
    """) == [kind, connections]


def test_waiting_time_grows_while_connections_do_not_last_and_starts_anew_behind_one_that_did(run):
    assert run("""
        const world = await World.inLobby();
        world.luck = 1;
        await world.clock.advance(5000);
        const waits = [];
        for (const lasted of [0, 100, 4999, 5000, 0]) {
          await world.socket.lose();
          waits.push(world.connection.state.retryAt - world.clock.now());
          await world.clock.advance(waits.at(-1));
          await world.socket.hear(WELCOME);
          await world.clock.advance(lasted);
        }
        return waits;
    """) == [1000, 2000, 4000, 8000, 1000]


def test_second_connection_asks_for_what_was_missed_and_appends_it(run):
    command, texts, unread = run("""
        const world = await World.inLobby(message(1, "one"), message(2, "two"));
        world.chat.setWatched(false);
        await world.reconnect();
        const command = world.socket.last("join");
        await world.socket.answer("join", joined({ seq: 4, recovered: true, messages: [message(3, "three")] }));
        await world.socket.hear(message(4, "four"));
        return [command, world.texts, world.lobby.unread];
    """)
    assert (command["since"], command["epoch"], command["user"]) == (2, "E", "Ann")
    assert texts == ["one", "two", "three", "four"]
    assert unread == 2


@pytest.mark.parametrize(("epoch", "word"), [("E", "Much was said"), ("F", "has lost")])
def test_what_could_not_be_recovered_is_not_passed_over_in_silence(run, epoch, word):
    notice, text, older = run(f"""
        const world = await World.inLobby(message(1, "one"));
        await world.reconnect();
        await world.socket.answer("join", joined({{
          seq: 900, epoch: "{epoch}", recovered: false, messages: [message(900, "nine hundred")] }}));
        return [...world.texts, world.lobby.hasOlder];
    """)
    assert word in notice
    assert (text, older) == ("nine hundred", True)


def test_numbers_that_begin_anew_are_followed_and_asked_about_once(run):
    assert run("""
        const world = await World.inLobby(message(900, "nine hundred"));
        await world.reconnect();
        await world.socket.answer("join", joined({ seq: 0, epoch: "F", recovered: false }));
        await world.socket.hear(message(1, "one"));
        await world.socket.hear(message(2, "two"));
        await world.clock.advance(20_000);
        const joins = world.socket.sent.filter(({ type }) => type === "join");
        return [joins.length, world.texts.slice(-2), world.lobby.seq];
    """) == [1, ["one", "two"], 2]


def test_answer_to_a_join_from_before_leaving_is_not_taken_for_that_of_the_next_one(run):
    assert run("""
        const world = await World.inLobby(message(1, "one"));
        world.chat.leave(world.lobby);
        world.chat.show({ kind: "channel", name: "lobby" });
        const early = world.socket.last("join").id;
        world.chat.leave(world.lobby);
        world.chat.show({ kind: "channel", name: "lobby" });
        await world.socket.hear({ id: early, ...joined({ seq: 1, messages: [message(1, "one")] }) });
        await world.socket.hear(message(2, "two"));
        const between = [world.lobby.phase, world.texts];
        await world.socket.answer("join", joined({ seq: 2, messages: [message(1, "one"), message(2, "two")] }));
        return [...between, world.lobby.phase, world.texts];
    """) == ["joining", [], "joined", ["one", "two"]]


def test_gap_is_filled_before_anything_behind_it_is_shown(run):
    assert run("""
        const world = await World.inLobby(message(1, "one"));
        await world.socket.hear(message(4, "four"));
        const { since } = world.socket.last("join");
        await world.socket.hear(message(5, "five"));
        const all = [message(2, "two"), message(3, "three"), message(4, "four"), message(5, "five")];
        await world.socket.answer("join", joined({ seq: 5, recovered: true, messages: all }));
        await world.socket.hear(message(5, "five"));
        return [since, world.texts];
    """) == [1, ["one", "two", "three", "four", "five"]]


def test_unconfirmed_message_is_sent_again_with_its_key_until_the_key_may_be_forgotten(run):
    assert run("""
        const world = await World.inLobby();
        world.chat.say(world.lobby, "hello");
        const seen = [world.socket.last("message").key];
        await world.reconnect();
        await world.socket.answer("join", joined({ recovered: true }));
        seen.push(world.socket.last("message").key);
        await world.socket.lose();
        await world.clock.advance(5 * 60_000);
        await world.socket.hear(WELCOME);
        await world.socket.answer("join", joined({ recovered: true }));
        const [{ phase, sentence }] = world.lobby.outgoing;
        return [...seen, world.socket.last("message") ?? null, phase, sentence.includes("may have arrived")];
    """) == ["key-1", "key-1", None, "failed", True]


def test_own_message_is_shown_once_whichever_comes_first_message_or_confirmation(run):
    assert run("""
        const world = await World.inLobby();
        const ack = (seq) => ({ type: "ack", channel: "lobby", seq, ts: 0, duplicate: false });
        const shown = () => [world.texts.length, world.lobby.outgoing.filter(({ visible }) => visible).length];
        const seen = [];
        world.chat.say(world.lobby, "same"); seen.push(shown());
        await world.socket.hear(message(1, "same", "Ann")); seen.push(shown());
        await world.socket.answer("message", ack(1)); seen.push(shown());
        world.chat.say(world.lobby, "same"); seen.push(shown());
        await world.socket.answer("message", ack(2)); seen.push(shown());
        await world.socket.hear(message(2, "same", "Ann")); seen.push(shown());
        return [...seen, world.lobby.outgoing.length];
    """) == [[0, 1], [1, 0], [1, 0], [1, 1], [1, 1], [2, 0], 0]


def test_refused_message_stays_with_its_reason(run):
    assert run("""
        const world = await World.inLobby();
        world.chat.say(world.lobby, "hello");
        await world.socket.answer("message", { type: "error", code: "rate_limited", message: "Slow down." });
        const [{ phase, sentence }] = world.lobby.outgoing;
        world.chat.retry(world.lobby, "key-1");
        return [phase, sentence, world.lobby.outgoing[0].phase, world.socket.last("message").key];
    """) == ["failed", "Slow down.", "sent", "key-1"]


def test_names_are_asked_for_when_they_can_no_longer_be_right(run):
    assert run("""
        const world = await World.inLobby();
        const change = (joined, left, count) => ({ type: "presence", channel: "lobby", joined, left, count });
        await world.socket.hear(change(["Bob"], [], 2));
        const before = world.socket.last("presence") ?? null;
        await world.socket.hear(change([], [], 3));
        await world.socket.answer("presence", { type: "presence", channel: "lobby", users: ["Ann", "Cid"], count: 3 });
        await world.socket.hear(change([], [], 4));
        const asked = world.socket.sent.filter(({ type }) => type === "presence").length;
        return [before, asked, [...world.lobby.members], world.lobby.count];
    """) == [None, 1, ["Ann", "Cid"], 4]


def test_word_to_everybody_and_to_several_is_shown_with_a_label(run):
    assert run("""
        const world = await World.inLobby();
        await world.socket.hear({ type: "broadcast", user: "root", text: "restart at noon", ts: 1 });
        await world.socket.hear({ type: "multicast", user: "Bob", text: "you two", ts: 2 });
        const direct = world.chat.conversations.get("@Bob");
        return [...world.lobby.entries, ...direct.entries].map(({ user, text, label }) => [user, text, label]);
    """) == [["root", "restart at noon", "to everyone"], ["Bob", "you two", "to several people"]]


def test_what_we_say_to_ourselves_is_shown_once(run):
    assert run("""
        const world = await World.inLobby();
        const self = world.chat.show({ kind: "direct", name: "Ann" });
        world.chat.say(self, "note");
        await world.socket.hear({ type: "direct", user: "Ann", text: "note", ts: 1 });
        await world.socket.answer("direct", { type: "ack", delivered: 1 });
        return [self.entries.map(({ text, own }) => [text, own]), self.outgoing.length, world.chat.hasUnsent];
    """) == [[["note", True]], 0, False]


def test_name_that_the_server_refuses_leads_back_to_the_first_screen(run):
    assert run("""
        const world = new World();
        world.chat.enter("Ann");
        world.chat.show({ kind: "channel", name: "lobby" });
        await world.socket.hear(WELCOME);
        await world.socket.answer("join", { type: "error", code: "name_taken", message: "That is not your name." });
        return [world.chat.user, world.connection.state.kind, world.reports];
    """) == [None, "idle", ["That is not your name."]]


def test_noise_on_the_wire_is_ignored(run):
    assert run("""
        const world = await World.inLobby(message(1, "one"));
        for (const data of ["", "null", "[]", "{", '"text"', '{"type":1}', '{"type":"new"}', '{"type":"presence"}']) {
          world.socket.onmessage({ data });
        }
        return [world.texts, world.connection.state.kind, world.reports];
    """) == [["one"], "online", []]


def test_window_over_a_long_conversation_moves_both_ways_and_stays_where_it_was_put(run):
    assert run("""
        const { Window } = await from("view/window");
        const entries = Array.from({ length: 1000 }, (_, index) => ({ key: `k${index}` }));
        const view = new Window();
        const seen = [view.range(entries)];
        view.older(entries); seen.push(view.range(entries));
        entries.push({ key: "new" }); seen.push(view.range(entries));
        entries.unshift({ key: "old" }); seen.push(view.range(entries));
        while (view.older(entries)); seen.push(view.range(entries));
        while (view.newer(entries)); seen.push(view.range(entries));
        return seen;
    """) == [[500, 1000], [300, 800], [300, 800], [301, 801], [0, 500], [502, 1002]]


def test_rows_are_grouped_by_person_time_and_day(run):
    assert run("""
        const { rowsOf } = await from("view/rows");
        const noon = new Date(2024, 0, 1, 12).getTime();
        const say = (key, user, minutes) => ({ key, kind: "message", user, text: key, ts: noon + minutes * 60_000 });
        const entries = [say("a", "Ann", 0), say("b", "Ann", 1), say("c", "Bob", 2), say("d", "Bob", 20),
          say("e", "Bob", 21), say("f", "Bob", 1000)];
        const rows = rowsOf(entries, [], "e", "Ann");
        return rows.map(({ kind, key, grouped }) => (kind === "message" ? [key[0], grouped] : kind));
    """) == ["day", ["a", False], ["b", True], ["c", False], ["d", False], "new", ["e", False], "day", ["f", False]]


@pytest.mark.parametrize("name", ["lobby", "@ann", "#x", "a b/c?d", "100%", "café", "__proto__"])
@pytest.mark.parametrize("kind", ["channel", "direct"])
def test_address_leads_back_to_what_it_was_made_from(run, kind, name):
    place = run(f"""
        const {{ addressOf, readAddress }} = await from("address");
        return readAddress(addressOf({{ kind: "{kind}", name: "{name}" }}));
    """)
    assert place == {"kind": kind, "name": name}


def test_line_for_a_terminal_survives_its_shell(run):
    line = run("""
        const { joinLine } = await from("protocol");
        return joinLine("https://example.org/x/?y#z", "it's; $(ls) 'there'");
    """)
    command, url, flag, text = shlex.split(line)
    assert (command, url, flag) == ("wsdump", "wss://example.org/x/chat", "-t")
    assert json.loads(text) == {"type": "join", "channel": "it's; $(ls) 'there'", "user": "terminal"}
