"""A configuration written as a file is the same configuration when it is read."""

from pathlib import Path

import pytest

from wsserver.config import load
from wsserver.configuration.document import render
from wsserver.configuration.settings import SECTIONS, ChannelSettings, Config, settings_of
from wsserver.configuration.sources import Given, from_assignment

CHANGED = [
    "server.port=0",
    'server.unix=/run/ws "x".sock',
    "server.drain=250ms",
    "server.origins=https://a.example,https://b.example",
    "server.hosts=*",
    "websocket.max_message=100000",
    "websocket.ping_interval=90s",
    "limits.rate=0.25",
    "limits.queue_policy=latest",
    "presence.leave_grace=0",
    "log.format=json",
]


@pytest.mark.parametrize("assignments", [[], CHANGED, ["server.fd=3"]], ids=["defaults", "changed", "fd"])
def test_written_configuration_is_read_back_as_it_was(tmp_path: Path, assignments: list[str]) -> None:
    config = load(flags=map(from_assignment, assignments))
    file = tmp_path / "wsserver.toml"
    file.write_text(render(config), encoding="utf-8")
    assert load(str(file)) == config


def test_every_setting_stands_there_with_its_reason() -> None:
    lines = render(Config()).splitlines()
    text = " ".join(line.removeprefix("# ") for line in lines)
    for section in SECTIONS.values():
        for key, entry in settings_of(section).items():
            assert any(line.startswith(f"{key} = ") for line in lines)
            assert entry.reason in text


def test_changed_value_names_its_default() -> None:
    text = render(load(flags=[from_assignment("server.port=1")]))
    assert "The default is 8080." in text
    assert text.count("The default is") == 1


def test_lines_fit_on_a_screen() -> None:
    assert max(map(len, render(Config()).splitlines())) <= 100


SECRET = "0123456789abcdef0123456789abcdef"


def test_a_secret_that_is_set_is_said_to_be_set_and_the_file_stays_good(tmp_path: Path) -> None:
    text = render(load(flags=map(from_assignment, [f"auth.secret={SECRET}", "auth.mode=token"])))
    assert SECRET not in text
    assert '\n# secret = "..."\n' in text
    assert "It is set, and not shown here." in text
    file = tmp_path / "wsserver.toml"
    file.write_text(text, encoding="utf-8")
    assert load(str(file)) == load(flags=[from_assignment("auth.mode=token")])


def test_an_address_with_a_password_is_a_comment_without_it(tmp_path: Path) -> None:
    urls = ["store.url=postgresql://chat:hunter2@db1/chat", "broker.url=redis://:hunter2@h/0"]
    text = render(load(flags=map(from_assignment, urls)))
    assert "hunter2" not in text
    assert '\n# url = "postgresql://chat:...@db1/chat"\n' in text
    assert '\n# url = "redis://:...@h/0"\n' in text
    assert text.count("its password is not shown here") == 2
    file = tmp_path / "wsserver.toml"
    file.write_text(text, encoding="utf-8")
    assert load(str(file)) == Config()
    assert load(str(file), {}, map(from_assignment, urls)).store.url.endswith("hunter2@db1/chat")


def test_a_secret_that_is_not_set_is_an_ordinary_line() -> None:
    assert '\nsecret = ""\n' in render(Config())


def test_options_of_channels_are_read_back_as_they_were_whatever_their_pattern(tmp_path: Path) -> None:
    patterns = ["news:*", "*", 'say "hi"', "a.b", "back\\slash", "é ü"]
    given = [
        *(Given(("channels", pattern, "history"), "0", "--set") for pattern in patterns),
        Given(("channels", "*", "send"), ["ann", "bob"], "file"),
        Given(("channels", "*", "join"), [], "file"),
        Given(("channels", "a.b", "queue_policy"), "latest", "file"),
    ]
    config = load(flags=given)
    file = tmp_path / "wsserver.toml"
    file.write_text(render(config), encoding="utf-8")
    assert load(str(file)) == config
    assert config.channels["*"] == ChannelSettings(history=0, send=("ann", "bob"), join=())
    assert len(config.channels) == len(patterns)
