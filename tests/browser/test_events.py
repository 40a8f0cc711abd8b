"""A browser's own EventSource on `/events`: it hears, and after a restart goes on where it was, by itself."""

from tests.scenarios.calling import WITH_KEY, publish

GONE = [r"ERR_CONNECTION_REFUSED", r"ERR_INCOMPLETE_CHUNKED_ENCODING", r"ERR_CONNECTION_RESET"]
"""What a browser says about a server that is not there."""

LISTEN = """
    window.heard = [];
    window.source = new EventSource("/events?channel=news");
    source.onmessage = (event) => heard.push([JSON.parse(event.data).text, event.lastEventId]);
    source.addEventListener("reset", (event) => heard.push(["reset", event.lastEventId]));
"""


def test_an_event_source_goes_on_after_a_restart(start, open_page, expected_console, tmp_path):
    expected_console += GONE
    flags = (*WITH_KEY, "--store", f"sqlite:{tmp_path / 'chat.db'}")
    server = start(0, *flags)
    page = open_page(server)
    page.run(LISTEN)
    page.wait(lambda: page.run("return source.readyState") == 1, "the stream is open")
    epoch = publish(server, "one", "news")["epoch"]
    page.wait(lambda: page.run("return heard") == [["one", f"{epoch}:1"]], "the message is there")

    server.process.kill()
    server.wait()
    again = start(server.port, *flags)
    publish(again, "two", "news")
    publish(again, "three", "news")
    told = [["one", f"{epoch}:1"], ["two", f"{epoch}:2"], ["three", f"{epoch}:3"]]
    page.wait(lambda: page.run("return heard") == told, "nothing is missed and nothing told twice")
