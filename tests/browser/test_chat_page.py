"""People chat on the page: in tabs, with a script, in several channels, with one another."""

import itertools

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.page import LOG

NAMES = itertools.count(1)


@pytest.fixture
def patient_server(start):
    """A server that lets a script talk as fast as it can."""
    return start(0, "--set", "limits.rate=0")


@pytest.fixture
def channel():
    """A channel that no other test uses."""
    return f"room-{next(NAMES)}"


def test_two_tabs_and_a_script_see_the_same_conversation(server, open_page, connect, channel):
    ann = open_page(server).enter("Ann", channel)
    bob = open_page(server).enter("Bob", channel)
    script = connect(server, "script", channel)

    ann.say("hello from Ann")
    script.hear("message", text="hello from Ann")
    bob.sees("hello from Ann").say("hello from Bob")
    script.hear("message", text="hello from Bob")
    script.ask("message", channel=channel, text="hello from a script")

    conversation = [("Ann", "hello from Ann"), ("Bob", "hello from Bob"), ("script", "hello from a script")]
    for page in (ann, bob):
        page.sees(*(text for _, text in conversation))
        assert page.messages == conversation
        assert page.outgoing == []
    assert [script.hear("message")["seq"]] == [3]


def test_people_are_listed_as_they_come_and_go(server, open_page, connect, channel):
    ann = open_page(server).enter("Ann", channel)
    assert ann.people == ["Ann"]
    script = connect(server, "script", channel)
    ann.wait(lambda: ann.people == ["Ann", "script"], "the script is listed")
    assert ann.shown("#people-count") == ["2"]
    script.ask("leave", channel=channel)
    ann.wait(lambda: ann.people == ["Ann"], "the script is not listed any more")


def test_another_channel_is_joined_and_what_is_said_elsewhere_is_counted(server, open_page, connect, channel):
    other = f"{channel}-more"
    ann = open_page(server).enter("Ann", channel)
    script = connect(server, "script", channel)
    ann.join(other)
    script.ask("message", channel=channel, text="one")
    script.ask("message", channel=channel, text="two")
    ann.wait(lambda: ann.unread(channel) == "2", "two unread messages")
    assert ann.chrome.title.startswith(f"(2) #{other}")

    ann.link(channel).click()
    ann.sees("one", "two")
    assert ann.title == channel
    assert ann.unread(channel) == ""
    assert ann.shown(f"{LOG} .new") == ["New"]

    ann.chrome.back()
    ann.wait(lambda: ann.title == other, "the way back leads to the other channel")


def test_direct_message_reaches_one_person_alone(server, open_page, connect, channel):
    ann = open_page(server).enter("Ann", channel)
    bob = open_page(server).enter("Bob", channel)
    script = connect(server, "script", channel)

    ann.wait(lambda: "Bob" in ann.people, "Bob is listed")
    ann.link("Bob").click()
    ann.wait(lambda: ann.title == "Bob", "the conversation with Bob is in sight")
    ann.say("just for you")
    ann.sees("just for you")
    bob.wait(lambda: bob.unread("Ann") == "1", "a word from Ann")
    bob.link("Ann").click()
    bob.sees("just for you").say("thank you")
    ann.sees("just for you", "thank you")
    assert ann.messages == [("Ann", "just for you"), ("Bob", "thank you")]
    assert script.is_quiet() or {event["type"] for event in script.kept} <= {"presence"}


def test_direct_message_to_nobody_is_a_failure_that_can_be_repeated_or_discarded(server, open_page, connect, channel):
    ann = open_page(server).enter("Ann", channel)
    script = connect(server, "ghost", channel)
    ann.wait(lambda: "ghost" in ann.people, "the ghost is listed")
    ann.link("ghost").click()
    script.close()
    ann.wait(lambda: "ghost" in ann.title, "the conversation is in sight")
    ann.say("are you there?")
    ann.wait(lambda: ann.outgoing and "Nobody here is called" in ann.outgoing[0][1], "an error in words")

    ann.click(".outgoing [data-part=retry]")
    ann.wait(lambda: ann.outgoing and "Nobody here is called" in ann.outgoing[0][1], "it was tried again")
    ann.click(".outgoing [data-part=discard]")
    ann.wait(lambda: ann.outgoing == [], "it is gone")
    assert ann.texts == []


def test_what_looks_like_markup_is_shown_as_text(server, open_page, connect, channel):
    name = "<b>Bob</b>"
    text = "<script>window.broken = true</script><img src=x onerror='window.broken = true'>&amp; __proto__"
    ann = open_page(server).enter("Ann", channel)
    script = connect(server, name, channel)
    script.ask("message", channel=channel, text=text)
    ann.sees(text)
    assert ann.messages == [(name, text)]
    ann.wait(lambda: name in ann.people, "the name is listed as it is")
    assert ann.run("return window.broken") is None
    assert ann.all(f"{LOG} script, {LOG} img, {LOG} b") == []


def test_names_of_the_language_are_names_like_others(server, open_page, connect, channel):
    ann = open_page(server).enter("constructor", "__proto__")
    script = connect(server, "__proto__", "__proto__")
    script.ask("message", channel="__proto__", text="toString")
    ann.sees("toString")
    ann.wait(lambda: ann.people == ["constructor", "__proto__"], "both are listed")


def test_web_addresses_become_links_and_nothing_else_does(server, open_page, connect, channel):
    ann = open_page(server).enter("Ann", channel)
    ann.say("see https://example.org/a(b)?c=d. or javascript:alert(1)")
    ann.wait(lambda: ann.texts, "the message")
    links = ann.all(f"{LOG} .text a")
    assert [link.get_attribute("href") for link in links] == ["https://example.org/a(b)?c=d"]
    assert links[0].get_attribute("rel") == "noopener noreferrer"


def test_earlier_messages_are_loaded_on_demand_and_the_place_is_kept(patient_server, open_page, connect, channel):
    script = connect(patient_server, "script", channel)
    for number in range(1, 121):
        script.say("message", channel=channel, text=f"line {number}")
    script.ask("ping")
    ann = open_page(patient_server).enter("Ann", channel)
    ann.wait(lambda: len(ann.texts) == 50, "the newest page")
    assert ann.texts[0] == "line 71"

    ann.run(f"document.querySelector('{LOG}').scrollTop = 0")
    ann.wait(lambda: len(ann.texts) == 100, "the page before")
    assert ann.run(f"return document.querySelector('{LOG}').scrollTop") > 0
    ann.run(f"document.querySelector('{LOG}').scrollTop = 0")
    ann.sees(*(f"line {number}" for number in range(1, 121)))
    ann.wait(lambda: ann.shown(f"{LOG} [data-part=older]") == [], "the beginning is reached")

    script.ask("message", channel=channel, text="line 121")
    ann.wait(lambda: ann.shown("#newest") == ["1 new message"], "a way to what is new")
    ann.click("#newest")
    ann.wait(lambda: ann.shown("#newest") == [], "the end is in sight")


def test_document_holds_at_most_500_messages_of_a_channel(patient_server, open_page, connect, channel):
    script = connect(patient_server, "script", channel)
    ann = open_page(patient_server).enter("Ann", channel)
    for number in range(1, 551):
        script.say("message", channel=channel, text=str(number))
        if number % 50 == 0:
            script.ask("ping")
            script.kept.clear()
            ann.wait(lambda seen=str(number): ann.texts[-1:] == [seen], "the page keeps up")
    assert len(ann.texts) == 500
    ann.run(f"document.querySelector('{LOG}').scrollTop = 0")
    ann.wait(lambda: ann.texts[:1] == ["1"], "the first ones come back")
    assert len(ann.texts) <= 500


def test_reload_is_no_farewell(server, open_page, channel):
    ann = open_page(server).enter("Ann", channel)
    ann.join(f"{channel}-more")
    ann.say("before")
    ann.sees("before")
    ann.chrome.refresh()
    ann.online(f"{channel}-more").sees("before")
    assert ann.shown("#channel-list [data-part=name]") == [channel, f"{channel}-more"]


def test_address_leads_to_a_channel_and_the_name_is_remembered(server, open_page, channel):
    ann = open_page(server).enter("Ann Mary", channel)
    ann.click("#exit")
    ann.wait(lambda: ann.find("#entrance").is_displayed(), "the first screen")
    again = open_page(server, "#caf%C3%A9%20%23%2F")
    assert again.find("#name").get_attribute("value") == "Ann Mary"
    assert again.find("#first-channel").get_attribute("value") == "café #/"
    again.press(Keys.ENTER)
    again.online("café #/")


def test_leaving_a_channel_leads_to_the_next_one(server, open_page, channel):
    ann = open_page(server).enter("Ann", channel)
    ann.join(f"{channel}-more")
    leave = ann.find(f"[aria-label='Leave {channel}-more']")
    ann.run("arguments[0].click()", leave)
    ann.wait(lambda: ann.title == channel, "the first channel is in sight")
    ann.wait(lambda: ann.focused == "message", "the focus is where one writes")
    assert ann.shown("#channel-list [data-part=name]") == [channel]


@pytest.mark.parametrize(
    ("name", "channel_name", "sentence"),
    [
        ("", "lobby", "Your name is missing: others should know who you are."),
        ("Ann*", "lobby", "Your name must not contain the character *."),
        ("Ann", "x" * 256, "The channel must have at most 255 bytes, and this one has 256."),
    ],
    ids=["no name", "bad name", "long channel"],
)
def test_bad_names_are_told_in_words_before_anything_is_sent(server, open_page, name, channel_name, sentence):
    page = open_page(server)
    page.find("#name").send_keys(name)
    page.find("#first-channel").clear()
    page.find("#first-channel").send_keys(channel_name, Keys.ENTER)
    page.wait(lambda: page.shown("#enter-problem") == [sentence], sentence)
    assert page.find("[aria-invalid=true]").get_attribute("id") == page.focused
    assert page.run("return window.sockets.length") == 0


def test_text_beyond_the_limit_stays_in_the_field_with_a_reason(server, open_page, channel):
    ann = open_page(server).enter("Ann", channel)
    ann.run("document.getElementById('message').value = 'é'.repeat(40000)")
    ann.find("#message").send_keys(Keys.ENTER)
    ann.wait(lambda: ann.shown("#message-problem"), "a reason")
    assert "the server accepts 65536" in ann.shown("#message-problem")[0]
    assert len(ann.find("#message").get_attribute("value")) == 40000
    assert ann.texts == []


def test_channel_that_the_server_refuses_is_reported_and_forgotten(start, open_page):
    server = start(0, "--set", "limits.channels_per_client=1")
    ann = open_page(server).enter("Ann", "lobby")
    ann.find("#join-name").send_keys("second", Keys.ENTER)
    ann.wait(lambda: ann.shown("#report-text"), "an error in words")
    assert "leave one first" in ann.shown("#report-text")[0]
    ann.wait(lambda: ann.title == "lobby", "the first channel is in sight again")
    assert ann.shown("#channel-list [data-part=name]") == ["lobby"]
    ann.click("#close-report")
    assert ann.shown("#report") == []
