"""One browser for all tests, windows and servers for each, and an eye on the console, where nothing may be said."""

import re

import pytest

from tests.browser.chrome import start_chrome
from tests.browser.page import Page
from tests.scenarios.running import RunningServer
from tests.scenarios.talking import Talker


@pytest.fixture(scope="session")
def chrome(tmp_path_factory):
    """A browser. Starting it takes a second, so all tests share it, each in windows of its own."""
    browser = start_chrome(tmp_path_factory.mktemp("chrome"))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def server():
    """A server as people start it. Another port is another origin, so no file of tests finds another's memories."""
    running = RunningServer("--port", "0")
    yield running
    running.stop()


@pytest.fixture
def start():
    """Start a server of one's own, on `port` or any: start(port)."""
    running = []

    def start_one(port=0, *flags):
        running.append(RunningServer("--port", str(port), *flags))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


@pytest.fixture
def expected_console():
    """A list for patterns of what the console may say after all, such as that a server is gone."""
    return []


@pytest.fixture
def open_page(chrome, expected_console):
    """Open the page of a server in a window of its own: open_page(server, "#channel")."""
    first = chrome.current_window_handle
    chrome.get_log("browser")
    windows = []

    def open_one(server, place="", phone=False):
        chrome.switch_to.new_window("window")
        windows.append(chrome.current_window_handle)
        page = Page(chrome, windows[-1])
        if phone:
            page.be_a_phone()
        return page.open(server.address + "/" + place)

    yield open_one
    said = [entry["message"] for entry in chrome.get_log("browser")]
    for window in windows:
        chrome.switch_to.window(window)
        chrome.execute_script("sessionStorage.clear(); localStorage.clear()")
        chrome.close()
    chrome.switch_to.window(first)
    unexpected = [line for line in said if not any(re.search(pattern, line) for pattern in expected_console)]
    assert unexpected == [], "the console is not quiet: a script failed, or the Content-Security-Policy stopped one"


@pytest.fixture
def connect():
    """A chat client in Python: connect(server, "ann", "lobby")."""
    talkers = []

    def connect_one(server, user, channel):
        talkers.append(Talker(server.ws()))
        talkers[-1].join(channel, user)
        return talkers[-1]

    yield connect_one
    for talker in talkers:
        talker.socket.shutdown()
