"""Where values come from, and what is said of their place."""

from pathlib import Path

import pytest

from wsserver.configuration.errors import ConfigError
from wsserver.configuration.sources import Given, from_assignment, from_environment, from_file


def test_file_gives_each_key_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[server]\nport = 1\n[channels."a.b"]\njoin = ["ann"]\n[log]\n')
    assert from_file(str(file)) == [
        Given(("server", "port"), 1, f"{file}:2"),
        Given(("channels", "a.b", "join"), ["ann"], f"{file}:4"),
        Given(("log",), {}, f"{file}:5"),
    ]


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert from_file(str(file))[0].value == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[server]\nport 1\n", ":2: "),
        (b"[server\n", ":1: "),
        (b"[server]\nport = 1\nport = 2\n", ":3: "),
        (b"a = '''\n\n", ": "),
        (b"a = '\xff'", "is not UTF-8 (byte 5)"),
        (b"a = " + b"[" * 100_000, ": "),
    ],
)
def test_file_that_is_not_toml_is_refused_with_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        from_file(str(file))
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        from_file(str(tmp_path / "none.toml"))


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        from_file(str(tmp_path))


def test_environment_gives_section_and_key() -> None:
    environment = {"WSSERVER_LIMITS_CONNECTIONS_PER_IP": "3", "PATH": "/bin", "WSSERVER_LOG": "x"}
    assert from_environment(environment) == [
        Given(("limits", "connections_per_ip"), "3", "environment variable WSSERVER_LIMITS_CONNECTIONS_PER_IP"),
        Given(("log",), "x", "environment variable WSSERVER_LOG"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "WSSERVER_SERVICE_HOST",
        "WSSERVER_SERVICE_PORT",
        "WSSERVER_SERVICE_PORT_HTTP",
        "WSSERVER_PORT",
        "WSSERVER_PORT_8080_TCP_ADDR",
    ],
)
def test_what_kubernetes_sets_for_a_service_of_our_name_is_not_taken_for_ours(name: str) -> None:
    assert from_environment({name: "tcp://10.0.0.1:80"}) == []


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("server.port=1", ("server", "port"), "1"),
        (" server.port = 1 ", ("server", "port"), "1"),
        ("server.origins=https://a?b=c", ("server", "origins"), "https://a?b=c"),
        ("server.unix=", ("server", "unix"), ""),
        ("channels.news:*.history=0", ("channels", "news:*", "history"), "0"),
        ('channels."a.b".history=0', ("channels", "a.b", "history"), "0"),
    ],
)
def test_assignment_is_cut_into_path_and_value(assignment: str, path: tuple[str, ...], value: str) -> None:
    given = from_assignment(assignment)
    assert (given.path, given.value) == (path, value)


@pytest.mark.parametrize("assignment", ["", "port", "port=1", "server.port", ".=1", "server.=1", ".port=1"])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(ConfigError, match="expected section.key=value"):
        from_assignment(assignment)
