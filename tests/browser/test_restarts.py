"""Two tabs chat while their server is ended and started anew with the same store: nothing is lost or doubled."""

import itertools

import pytest

from tests.browser.test_reconnecting import GONE, TRY_NOW, texts_of

# What a person types who does not wait: the form is sent as often as there are texts.
SAY_ALL = """
const field = document.getElementById("message");
for (const text of arguments[0]) {
  field.value = text;
  field.form.requestSubmit();
}
"""


@pytest.fixture
def restart(start, tmp_path):
    """Start a server with a store in a file, or end the one that runs and start the next: restart("SIGKILL")."""
    flags = (
        "--store", f"sqlite:{tmp_path / 'chat.db'}",
        "--set", "server.drain=100ms", "--set", "limits.rate=0", "--set", "presence.leave_grace=1h",
    )  # fmt: skip
    servers = []

    def restart_one(end=None, meanwhile=lambda: None):
        port = 0
        if servers:
            port = servers[-1].port
            servers[-1].end(end)
            meanwhile()
        servers.append(start(port, *flags))
        return servers[-1]

    return restart_one


def by_author(messages, author):
    return [text for user, text in messages if user == author]


def settle(pages, count):
    """Wait until both tabs are online, have nothing on its way, and show so many messages."""
    for page in pages:
        page.run(TRY_NOW)
    for page in pages:
        page.online("lobby")
        page.wait(lambda page=page: page.outgoing == [] and len(page.messages) >= count, f"{count} messages")


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_what_two_tabs_say_while_their_server_is_away_arrives_once_and_in_order(
    restart, open_page, connect, expected_console, end
):
    expected_console += GONE
    server = restart()
    ann, bob = open_page(server).enter("Ann"), open_page(server).enter("Bob")
    ann.say("one")
    bob.sees("one")
    bob.say("two")
    ann.sees("one", "two")

    def talk_on():
        for page, texts in ((ann, ["three", "five"]), (bob, ["four"])):
            page.wait(lambda page=page: page.connection == "Offline", "the loss is shown")
            page.run(SAY_ALL, texts)
            assert [text for text, _ in page.outgoing] == texts

    server = restart(end, talk_on)
    settle((ann, bob), 5)
    assert ann.messages == bob.messages
    assert ann.texts[:2] == ["one", "two"]
    assert by_author(ann.messages, "Ann") == ["one", "three", "five"]
    assert by_author(ann.messages, "Bob") == ["two", "four"]
    assert ann.notices == bob.notices == []
    assert texts_of(connect(server, "script", "lobby"), "lobby") == ann.texts


def test_what_two_tabs_say_in_the_very_moment_of_each_end_arrives_once_and_in_order(
    restart, open_page, connect, expected_console
):
    expected_console += GONE
    server = restart()
    ann, bob = open_page(server).enter("Ann"), open_page(server).enter("Bob")
    numbers = itertools.count(1)
    said = {ann: [], bob: []}
    for end in ("SIGKILL", "SIGTERM", "SIGKILL"):
        for page in (ann, bob):
            texts = [f"no. {number}" for number in itertools.islice(numbers, 15)]
            page.run(SAY_ALL, texts)
            said[page] += texts
        server = restart(end)
        settle((ann, bob), len(said[ann]) + len(said[bob]))
    assert ann.messages == bob.messages
    assert by_author(ann.messages, "Ann") == said[ann]
    assert by_author(ann.messages, "Bob") == said[bob]
    assert len(ann.messages) == len(said[ann]) + len(said[bob])
    assert ann.notices == bob.notices == []
    page = connect(server, "script", "lobby").ask("history", channel="lobby", limit=300)
    assert [message["text"] for message in page["messages"]] == ann.texts
    assert [message["seq"] for message in page["messages"]] == list(range(1, len(ann.texts) + 1))
