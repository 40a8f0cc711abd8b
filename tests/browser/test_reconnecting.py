"""Connections break and servers restart; on the page nothing is lost, doubled, or claimed without being known."""

import re
import signal

GONE = [r"WebSocket connection to .* failed", r"ERR_CONNECTION_REFUSED"]
"""What a browser says about a server that is not there; no page can keep it from saying so."""

# The page hears no more of what the server says, as when the answer is lost on its way.
DEAFEN = "window.sockets.at(-1).onmessage = null"

TRY_NOW = "document.getElementById('try-now').click()"


def texts_of(client, channel):
    """What the server keeps of a channel."""
    return [message["text"] for message in client.ask("history", channel=channel)["messages"]]


def test_page_finds_back_to_a_restarted_server_and_delivers_what_waited_once(
    start, open_page, connect, expected_console
):
    expected_console += GONE
    server = start()
    ann = open_page(server).enter("Ann")
    ann.say("before")
    ann.sees("before")

    server.process.kill()
    server.wait()
    ann.wait(lambda: ann.connection == "Offline", "the loss is shown")
    ann.say("while away")
    ann.wait(lambda: ann.outgoing == [("while away", "Waiting for the connection")], "it is said that it waits")
    assert re.match(r"The (connection was lost|server cannot be reached)\.", ann.shown("#banner")[0])

    again = start(server.port)
    ann.run(TRY_NOW)
    ann.online()
    ann.wait(lambda: ann.outgoing == [], "it was sent")
    # History lives in memory there, so it is gone, and the page says so.
    assert ann.texts == ["while away"]
    assert "has lost this channel’s earlier messages" in ann.notices[0]
    assert ann.shown("#banner") == []
    assert texts_of(connect(again, "script", "lobby"), "lobby") == ["while away"]


def test_page_comes_back_by_itself_and_reads_what_it_missed(server, open_page, connect):
    ann = open_page(server).enter("Ann", "missed")
    script = connect(server, "script", "missed")
    script.ask("message", channel="missed", text="one")
    ann.sees("one").cut()
    script.ask("message", channel="missed", text="two")
    script.ask("message", channel="missed", text="three")
    ann.sees("one", "two", "three")
    assert ann.notices == []
    assert ann.run("return window.sockets.length") == 2


def test_message_whose_confirmation_was_lost_is_sent_again_and_stored_once(server, open_page, connect):
    ann = open_page(server).enter("Ann", "once")
    script = connect(server, "script", "once")
    ann.run(DEAFEN)
    ann.say("only once")
    script.hear("message", text="only once")
    assert [text for text, _ in ann.outgoing] == ["only once"]

    ann.cut()
    ann.sees("only once")
    ann.online()
    ann.say("next")
    ann.sees("only once", "next")
    assert ann.outgoing == []
    assert texts_of(script, "once") == ["only once", "next"]


def test_direct_message_whose_confirmation_was_lost_is_not_sent_again_unasked(server, open_page, connect):
    ann = open_page(server, "#@script").enter("Ann", "alone")
    script = connect(server, "script", "alone")
    ann.run("location.hash = '@script'")
    ann.wait(lambda: ann.title == "script", "the conversation is in sight")
    ann.run(DEAFEN)
    ann.say("did you hear?")
    script.hear("direct", text="did you hear?")
    ann.cut()
    ann.wait(lambda: ann.outgoing and "It may have arrived" in ann.outgoing[0][1], "it is said that nobody knows")
    ann.online()
    ann.click(".outgoing [data-part=retry]")
    script.hear("direct", text="did you hear?")
    ann.sees("did you hear?")


def test_page_says_that_the_server_restarts_and_waits_for_its_turn(start, open_page, expected_console):
    expected_console += GONE
    server = start(0, "--set", "server.drain=0.1s")
    ann = open_page(server).enter("Ann")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    ann.wait(lambda: any("The server is restarting. Next try in" in text for text in ann.shown("#banner")), "why")
    start(server.port)
    ann.run(TRY_NOW)
    ann.online("lobby")


def test_page_that_meets_no_server_says_so_and_enters_when_there_is_one(start, open_page, expected_console):
    expected_console += GONE
    server = start()
    page = open_page(server)
    server.process.kill()
    server.wait()
    page.find("#name").send_keys("Ann\n")
    page.wait(lambda: any("cannot be reached" in text for text in page.shown("#banner")), "there is no server")
    page.say("anybody?")
    start(server.port)
    page.run(TRY_NOW)
    page.online("lobby").sees("anybody?")
