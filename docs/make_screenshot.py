"""Takes docs/screenshot.png, the picture in the README: the real page, a real server, a conversation of three.

`python docs/make_screenshot.py [FILE]`; it needs Chromium and chromedriver, like the tests in `tests/browser/`.
"""

import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP))  # run as a program, Python looks beside it only

from tests.browser.chrome import start_chrome  # noqa: E402
from tests.browser.page import Page  # noqa: E402
from tests.scenarios.running import RunningServer  # noqa: E402
from tests.scenarios.talking import Talker  # noqa: E402

SIZE = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}

OTHERS = {"Maria": ("lobby", "reading-group", "ops"), "Tomás": ("lobby", "ops"), "Lena": ("lobby",)}

CONVERSATION = (
    ("Maria", "Morning! I am reading the reactor over coffee."),
    ("Maria", "One thread, and a turn of nine steps. It fits on a page."),
    ("Tomás", "Nice. What does it do while nobody talks?"),
    ("Maria", "Sleep. It sits in epoll_wait until the next timer, so it costs nothing."),
    ("Ada", "I just pulled my network cable for a minute, by the way."),
    ("Tomás", "And? Did you miss anything?"),
    ("Ada", "No. It came back by itself and filled in what you two had said."),
)


def main(target: Path) -> None:
    """Stage the conversation and take its picture."""
    server = RunningServer("--port", "0")
    with tempfile.TemporaryDirectory() as profile:
        chrome = start_chrome(profile)
        try:
            page = Page(chrome, chrome.current_window_handle)
            page.command("Emulation.setDeviceMetricsOverride", **SIZE)
            page.prefer(color_scheme="light", reduced_motion="reduce")
            stage(page.open(server.address).enter("Ada", "lobby"), server)
            chrome.get_screenshot_as_file(str(target))
        finally:
            chrome.quit()
            server.stop()


def stage(page: Page, server: RunningServer) -> None:
    """Let everybody come in and say their lines; leave something unread."""
    talkers = {name: Talker(server.ws()) for name in OTHERS}
    for name, channels in OTHERS.items():
        for channel in channels:
            talkers[name].join(channel, name)
    for channel in ("reading-group", "ops", "lobby"):
        page.join(channel) if channel != "lobby" else page.link("lobby").click()
    for number, (name, text) in enumerate(CONVERSATION, 1):
        if name == "Ada":
            page.say(text)
        else:
            talkers[name].ask("message", channel="lobby", text=text)
        page.wait(lambda seen=number: len(page.texts) == seen, f"line {number}")
    talkers["Tomás"].ask("message", channel="ops", text="Deployed.")
    talkers["Maria"].ask("message", channel="ops", text="Thanks!")
    talkers["Maria"].ask("direct", to="Ada", text="Lunch?")
    page.wait(lambda: (page.unread("ops"), page.unread("Maria")) == ("2", "1"), "something unread")
    page.wait(lambda: len(page.people) == 1 + len(OTHERS), "everybody is listed")
    for talker in talkers.values():
        talker.socket.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "docs" / "screenshot.png")
