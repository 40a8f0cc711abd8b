"""What a running server takes on, and what it cannot."""

from tests.test_server import config
from wsserver.config import load
from wsserver.configuration.settings import SECTIONS, settings_of
from wsserver.reload import LIVE, compare, replace_live


def test_nothing_differs_from_itself():
    assert compare(load(), load()) == ((), ())


def test_changes_are_named_in_the_order_of_the_file_by_what_they_need():
    changed = config("limits.rate=7", "log.level=debug", "chat.history=3", "channels.a.history=1", "server.drain=1s")
    assert compare(config(), changed) == (("server.drain", "log.level", "limits.rate"), ("chat.history", "channels"))


def test_only_the_live_ones_are_taken_on():
    changed = config(
        "limits.rate=7", "limits.queue=2KiB", "server.drain=1s", "server.hosts=a.example", "chat.history=3"
    )
    after = replace_live(config(), changed)
    assert (after.limits.rate, after.server.drain, after.server.hosts) == (7, 1, ("a.example",))
    assert (after.limits.queue, after.chat.history) == (config().limits.queue, config().chat.history)
    assert compare(after, changed).live == ()


def test_every_live_setting_exists():
    assert {f"{section}.{key}" for section, kind in SECTIONS.items() for key in settings_of(kind)} >= LIVE
