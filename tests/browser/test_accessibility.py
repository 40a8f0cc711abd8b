"""The page can be used by keyboard alone, by screen reader, on a phone, in light and dark."""

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.page import LOG

CONTROLS = "a[href], button, input, textarea, [tabindex='0']"

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()

LANDMARKS = {"main", "navigation", "complementary"}


def visible(page, selector):
    return [element for element in page.all(selector) if element.is_displayed()]


def landmarks(page):
    """(role, name) of the parts that a screen reader can jump to."""
    return [
        (element.aria_role, element.accessible_name)
        for element in visible(page, "main, nav, aside")
        if element.aria_role in LANDMARKS
    ]


def talk(page, connect, server, channel):
    """Bring everything into sight that the page has to show."""
    script = connect(server, "script", channel)
    page.enter("Ann", channel).say("hello https://example.org/")
    script.hear("message")
    script.ask("direct", to="Ann", text="psst")
    page.wait(lambda: page.unread("script") == "1", "a direct message")


def test_first_screen_has_labels_and_one_heading(server, open_page):
    page = open_page(server)
    assert landmarks(page) == [("main", "Come in and talk")]
    assert [heading.text for heading in visible(page, "h1")] == ["Come in and talk"]
    assert [field.accessible_name for field in visible(page, "input")] == ["Your name", "Channel"]
    assert page.focused == "name"


def test_everything_that_can_be_used_has_a_name(server, open_page, connect):
    page = open_page(server)
    talk(page, connect, server, "names")
    controls = visible(page, CONTROLS)
    assert len(controls) > 10
    assert [element.get_attribute("outerHTML") for element in controls if not element.accessible_name.strip()] == []
    ids = [element.get_attribute("id") for element in page.all("[id]")]
    assert len(ids) == len(set(ids))


def test_parts_of_the_page_are_landmarks_with_names(server, open_page, connect):
    page = open_page(server)
    talk(page, connect, server, "landmarks")
    expected = [("navigation", "Conversations"), ("main", "landmarks"), ("complementary", "People")]
    assert landmarks(page) == expected
    assert [heading.text for heading in visible(page, "h1")] == ["landmarks"]
    assert page.find("html").get_attribute("lang") == "en"


def test_log_reads_aloud_what_comes_but_not_what_was_there(server, open_page, connect):
    page = open_page(server)
    talk(page, connect, server, "aloud")
    log = page.find(LOG)
    assert (log.aria_role, log.accessible_name) == ("log", "Messages in #aloud")
    assert log.get_attribute("aria-live") == "polite"
    page.join("aloud-too")
    assert page.find(LOG) != log, "another conversation is another log, so switching is no news"
    assert page.find("#connection").aria_role == "status"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(server, open_page, connect, scheme):
    page = open_page(server)
    page.prefer(color_scheme=scheme, reduced_motion="reduce")  # a colour on its way to another one has any contrast
    page.press(Keys.ENTER)
    page.wait(lambda: page.shown("#enter-problem"), "an error in sight")
    ground = page.run("return getComputedStyle(document.documentElement).backgroundColor")
    assert (ground == "rgb(27, 26, 24)") == (scheme == "dark")
    assert page.run(CONTRAST) == []
    talk(page, connect, server, f"contrast-{scheme}")
    page.join("empty")
    assert page.run(CONTRAST) == []
    page.link(f"contrast-{scheme}").click()
    page.wait(lambda: page.texts, "messages in sight")
    page.run("document.getElementById('banner').hidden = document.getElementById('report').hidden = false")
    assert page.run(CONTRAST) == []


def test_keyboard_is_enough(server, open_page, connect):
    page = open_page(server)
    page.press("Ann", Keys.TAB, Keys.BACKSPACE, "keys", Keys.ENTER)
    page.online("keys")
    page.wait(lambda: page.focused == "message", "the focus is where one writes")
    page.press("first line")
    page.press(Keys.ENTER, shift=True)
    page.press("second line", Keys.ENTER)
    page.sees("first line\nsecond line")

    tab_until(page, lambda: page.focused == "join-name")
    page.press("keys-too", Keys.ENTER)
    page.wait(lambda: page.title == "keys-too", "the new channel is in sight")
    page.wait(lambda: page.focused == "message", "the focus is where one writes")

    tab_until(page, lambda: page.run("return document.activeElement.hash") == "#keys")
    page.press(Keys.ENTER)
    page.sees("first line\nsecond line")


def tab_until(page, arrived):
    """Go back from one control to the one before until it is the right one; each must show that it has the focus."""
    for _ in range(20):
        page.press(Keys.TAB, shift=True)
        outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.run("return document.activeElement.outerHTML")
        if arrived():
            return
    pytest.fail("the keyboard does not lead there")


def test_skip_link_leads_over_the_lists(server, open_page):
    page = open_page(server).enter("Ann", "skip")
    page.run("document.getElementById('skip').focus()")
    page.press(Keys.ENTER)
    assert page.focused == "message"
    assert page.run("return location.hash") == "#skip"


def test_phone_shows_the_conversation_and_keeps_lists_in_drawers(server, open_page, connect):
    page = open_page(server, phone=True)
    assert not overflows(page)
    talk(page, connect, server, "phone")
    page.wait(lambda: page.shown("#count") == ["2"], "people are counted")
    script_text = "w" * 300
    page.say(script_text)
    page.wait(lambda: page.texts[-1:] == [script_text], "a word wider than the screen")
    assert not overflows(page)
    assert [name for _, name in landmarks(page)] == ["phone"]

    page.click("#open-channels")
    page.wait(lambda: page.focused == "close-channels", "the focus is in the drawer")
    assert page.find("#conversation").get_property("inert")
    page.press(Keys.ESCAPE)
    assert page.focused == "open-channels"
    assert not page.find("#conversation").get_property("inert")

    page.click("#open-people")
    page.wait(lambda: page.focused == "close-people", "the focus is in the drawer")
    page.run("Array.from(document.querySelectorAll('#people-list a')).at(-1).click()")
    page.wait(lambda: page.title == "script", "the conversation with the script is in sight")
    page.wait(lambda: page.focused == "title", "the focus is on its title: a keyboard would hide half of it")
    assert page.texts == ["psst"]
    assert not overflows(page)


def overflows(page):
    """Whether one could scroll sideways."""
    return page.run("return document.documentElement.scrollWidth > innerWidth")


def test_nothing_moves_for_those_who_asked_for_it(server, open_page):
    page = open_page(server)
    page.prefer(reduced_motion="reduce")
    page.enter("Ann", "still")
    moving = page.run(
        "return [...document.querySelectorAll('*')].filter((element) =>"
        " getComputedStyle(element).transitionDuration.split(', ').some((time) => time !== '0s')).length"
    )
    assert moving == 0
