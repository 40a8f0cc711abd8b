"""The chat page as a person uses it: what is to be seen, what can be done, and how long one waits for it.

Each `Page` is a window of its own in one browser. Nothing here sleeps: whoever waits, waits for something.

Read next: `test_chat_page.py`.
"""

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 10.0
"""How long anything may take that takes milliseconds: the machine may be busy."""

POLL_S = 0.05

LOG = ".log:not([hidden])"

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}

# Before the page's own code runs: remember its sockets, so that a test can cut its connection.
REMEMBER_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...how) { super(...how); window.sockets.push(this); }
};
"""


READINESS = f"""
const all = (selector) => Array.from(document.querySelectorAll(selector));
return [
  all("#connection").map((word) => word.textContent),
  arguments[0] === null ? [] : all("#title").map((title) => title.textContent),
  all("{LOG}").map((log) => log.ariaBusy),
];
"""


class Page:
    """One window with the chat page in it."""

    def __init__(self, chrome, window):
        self._chrome = chrome
        self._window = window
        self.command("Page.addScriptToEvaluateOnNewDocument", source=REMEMBER_SOCKETS)

    @property
    def chrome(self):
        """The browser, looking at this window."""
        if self._chrome.current_window_handle != self._window:
            self._chrome.switch_to.window(self._window)
        return self._chrome

    def command(self, name, **parameters):
        """Tell the browser something that no page may do (Chrome DevTools Protocol)."""
        return self.chrome.execute_cdp_cmd(name, parameters)

    def be_a_phone(self):
        """Be small, and touched instead of pointed at."""
        self.command("Emulation.setDeviceMetricsOverride", **PHONE)
        self.command("Emulation.setTouchEmulationEnabled", enabled=True)

    def prefer(self, **preferences):
        """Have preferences: prefer(color_scheme="dark")."""
        features = [{"name": f"prefers-{name.replace('_', '-')}", "value": v} for name, v in preferences.items()]
        self.command("Emulation.setEmulatedMedia", features=features)

    def open(self, url):
        self.chrome.get(url)
        self.wait(lambda: self.run("return document.readyState === 'complete'"), "the page is loaded")
        return self

    def run(self, script, *arguments):
        """Run a script in the page and return what it returns; a promise is waited for."""
        return self.chrome.execute_script(script, *arguments)

    def wait(self, condition, what):
        """Wait until `condition()` is true and return its value."""
        return WebDriverWait(self._chrome, PATIENCE_S, POLL_S).until(
            lambda _: condition(), f"in vain: {what}; the page shows: {self.run('return document.body.innerText')}"
        )

    def find(self, selector):
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def shown(self, selector):
        """The texts of all elements that fit and can be seen, as one reads them."""
        return self.run(
            "return Array.from(document.querySelectorAll(arguments[0]))"
            ".filter((element) => element.checkVisibility({ visibilityProperty: true }))"
            ".map((element) => element.innerText)",
            selector,
        )

    # What a person does.

    def enter(self, name, channel="lobby"):
        """Fill in the first screen and come in. Every test does, so it is done in one step and not key by key."""
        self.run(
            "[document.getElementById('name').value, document.getElementById('first-channel').value] = arguments;"
            "document.getElementById('enter').requestSubmit();",
            name,
            channel,
        )
        return self.online(channel)

    def say(self, text):
        """Write a message and press Enter."""
        self.find("#message").send_keys(text, Keys.ENTER)

    def join(self, channel):
        self.find("#join-name").send_keys(channel, Keys.ENTER)
        self.wait(lambda: self.title == channel, f"{channel} is in sight")

    def press(self, *keys, shift=False):
        """Press keys, wherever the focus is."""
        chain = ActionChains(self.chrome)
        if shift:
            chain.key_down(Keys.SHIFT)
        chain.send_keys(*keys)
        if shift:
            chain.key_up(Keys.SHIFT)
        chain.perform()

    def link(self, name):
        """The link to a conversation or a person of that name, in either list."""
        return next(link for link in self.all(".item a") if link.text.splitlines()[:1] and name in link.text.split())

    def click(self, selector):
        self.find(selector).click()

    # What a person sees.

    @property
    def title(self):
        return self.find("#title").text

    @property
    def focused(self):
        """The id of what has the focus."""
        return self.run("return document.activeElement.id")

    @property
    def messages(self):
        """(author, text) of the messages in sight that have arrived, oldest first."""
        rows = self.run(
            f"return Array.from(document.querySelectorAll('{LOG} .message:not(.outgoing)')).map((row) =>"
            " ['author', 'text'].map((part) => row.querySelector(`[data-part=${part}]`).textContent))"
        )
        return [tuple(row) for row in rows]

    @property
    def texts(self):
        return [text for _, text in self.messages]

    @property
    def outgoing(self):
        """(text, progress) of the messages on their way."""
        rows = self.run(
            f"return Array.from(document.querySelectorAll('{LOG} .outgoing')).map((row) =>"
            " ['text', 'progress'].map((part) => row.querySelector(`[data-part=${part}]`).textContent))"
        )
        return [tuple(row) for row in rows]

    @property
    def people(self):
        return self.run(
            "return Array.from(document.querySelectorAll('#people-list [data-part=name]'), (name) => name.textContent)"
        )

    @property
    def notices(self):
        return self.shown(f"{LOG} .notice")

    @property
    def connection(self):
        return self.find("#connection").text

    def unread(self, name):
        """The number beside a conversation; "" when there is none."""
        return self.run(
            "const item = Array.from(document.querySelectorAll('.channels .item')).find((item) =>"
            " item.querySelector('[data-part=name]').textContent === arguments[0]);"
            "const badge = item?.querySelector('[data-part=badge]');"
            "return badge && !badge.hidden ? badge.querySelector('[data-part=unread]').textContent : ''",
            name,
        )

    # What a person waits for.

    def online(self, channel=None):
        """Wait for the connection, and for the channel in sight to be joined."""
        ready = [["Online"], [] if channel is None else [channel], ["false"]]
        self.wait(lambda: self.run(READINESS, channel) == ready, "the page is online and the log is there")
        return self

    def sees(self, *texts):
        """Wait until exactly these messages are in sight."""
        self.wait(lambda: self.texts == list(texts), f"messages {texts}")
        return self

    def cut(self):
        """Lose the connection, as networks do."""
        self.run("window.sockets.at(-1).close()")
