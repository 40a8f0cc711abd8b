"""What people write becomes a Config, or a sentence that helps them."""

from pathlib import Path

import pytest

from wsserver.config import Config, ConfigError, Given, cautions, from_assignment, load
from wsserver.configuration.settings import ChannelSettings

SECRET = "0123456789abcdef0123456789abcdef"


def write(folder: Path, text: str) -> str:
    path = folder / "wsserver.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def complaint(file: str = "", environment: dict[str, str] | None = None, *assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, environment, [from_assignment(assignment) for assignment in assignments])
    return str(caught.value)


def test_nothing_said_gives_the_defaults_that_are_documented() -> None:
    config = load()
    assert config == Config()
    assert (config.server.host, config.server.port, config.server.drain) == ("127.0.0.1", 8080, 10.0)
    assert (config.websocket.max_message, config.websocket.max_fragments) == (65536, 1024)
    assert (config.websocket.ping_interval, config.websocket.pong_timeout) == (25.0, 20.0)
    assert (config.websocket.handshake_timeout, config.websocket.close_timeout) == (10.0, 5.0)
    assert (config.limits.rate, config.limits.queue, config.limits.queue_policy) == (50.0, 2**20, "close")
    assert (config.limits.channels_per_client, config.limits.connections, config.limits.memory) == (128, 0, 0)
    assert (config.chat.history, config.chat.recovery_limit) == (10000, 1000)
    assert (config.presence.leave_grace, config.presence.lease, config.presence.names) == (5.0, 60.0, 100)
    assert (config.store.durability, config.auth.mode, config.websocket.compression) == ("process", "open", False)


def test_file_sets_values_in_their_units(tmp_path: Path) -> None:
    text = '[server]\norigins = ["https://a.example"]\ndrain = 2.5\n[limits]\nqueue = "64KiB"\nrate = 0.5\n'
    file = write(tmp_path, text)
    config = load(file)
    assert config.server.origins == ("https://a.example",)
    assert (config.server.drain, config.limits.queue, config.limits.rate) == (2.5, 65536, 0.5)


def test_flags_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1\n[limits]\nrate = 1\n[chat]\nhistory = 1\n")
    environment = {"WSSERVER_SERVER_PORT": "2", "WSSERVER_LIMITS_RATE": "2"}
    config = load(file, environment, [Given(("server", "port"), "3", "--port")])
    assert (config.server.port, config.limits.rate, config.chat.history) == (3, 2.0, 1)


def test_later_of_two_flags_wins() -> None:
    config = load(flags=[from_assignment("server.port=1"), from_assignment("server.port=2")])
    assert config.server.port == 2


def test_empty_environment_variable_counts_as_not_set() -> None:
    assert load(environment={"WSSERVER_SERVER_PORT": ""}).server.port == 8080


def test_lists_are_cut_at_commas_in_environment_and_flags() -> None:
    config = load(
        environment={"WSSERVER_SERVER_HOSTS": "a.example, b.example"},
        flags=[from_assignment("server.origins=https://a.example,https://b.example")],
    )
    assert config.server.hosts == ("a.example", "b.example")
    assert config.server.origins == ("https://a.example", "https://b.example")


def test_keys_with_underscores_are_found_in_the_environment() -> None:
    assert load(environment={"WSSERVER_LIMITS_CONNECTIONS_PER_IP": "7"}).limits.connections_per_ip == 7


def test_unknown_key_of_a_file_names_the_line_and_the_nearest(tmp_path: Path) -> None:
    file = write(tmp_path, "# mine\n[websocket]\n\nmax_mesage = 3\n")
    assert complaint(file) == (
        f"{file}:4: there is no setting 'websocket.max_mesage'; did you mean 'websocket.max_message'?"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sever.port=3", "server.port"),
        ("server.max_message=3", "websocket.max_message"),
        ("limits.rates=3", "limits.rate"),
        ("presence.grace=3", "presence.leave_grace"),
    ],
)
def test_unknown_key_of_a_flag_names_the_nearest(written: str, meant: str) -> None:
    assert f"did you mean '{meant}'?" in complaint("", {}, written)


def test_unknown_key_of_the_environment_names_the_variable() -> None:
    said = complaint("", {"WSSERVER_LIMITS_RAT": "3"})
    assert said.startswith("environment variable WSSERVER_LIMITS_RAT: ")
    assert said.endswith("did you mean 'limits.rate'?")


def test_unknown_section_is_an_error_even_when_empty(tmp_path: Path) -> None:
    assert "wsserver.toml:1: there is no setting 'sever'" in complaint(write(tmp_path, "[sever]\n"))


def test_empty_known_section_is_fine(tmp_path: Path) -> None:
    assert load(write(tmp_path, "[server]\n[channels]\n")) == Config()


def test_key_outside_of_its_section_is_an_error(tmp_path: Path) -> None:
    assert "did you mean 'server.port'?" in complaint(write(tmp_path, "port = 80\n"))


def test_section_written_as_a_value_is_explained(tmp_path: Path) -> None:
    assert "'server' is a section; write [server]" in complaint(write(tmp_path, "server = 3\n"))


def test_bad_value_says_what_was_written_and_what_is_expected(tmp_path: Path) -> None:
    file = write(tmp_path, '[server]\ndrain = "soon"\n')
    assert complaint(file) == (
        f'{file}:2: \'server.drain\' is "soon"; expected a duration, such as "250ms", "25s", "5m" or "1h"'
    )


@pytest.mark.parametrize(
    "assignment",
    [
        "limits.rate=-1",
        "limits.connections=-1",
        "server.port=65536",
        "server.port=1.5",
        "server.drain=nan",
        "server.drain=-1s",
        "server.drain=inf",
        "websocket.ping_interval=0",
        "websocket.max_message=0",
        "websocket.max_message=64KB",
        "limits.queue_policy=panic",
        "log.level=loud",
        "chat.history=1e3",
        "server.host=a\x1bb",
        "websocket.max_fragments=٣",
    ],
)
def test_value_that_makes_no_sense_is_refused(assignment: str) -> None:
    name = assignment.partition("=")[0]
    assert f"--set {name}: '{name}' is " in complaint("", {}, assignment)


def test_bool_is_no_number(tmp_path: Path) -> None:
    assert "expected a whole number" in complaint(write(tmp_path, "[server]\nport = true\n"))


def test_value_that_a_flag_overrules_is_judged_all_the_same(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = -1\n")
    assert f"{file}:2:" in complaint(file, {}, "server.port=8080")


@pytest.mark.parametrize(
    "assignment",
    [
        "server.tls_cert=a.pem",
    ],
)
def test_setting_whose_part_is_missing_is_refused_and_not_ignored(assignment: str) -> None:
    assert "is not available in this version" in complaint("", {}, assignment)


def test_an_address_of_no_store_is_refused_with_those_there_are() -> None:
    assert "memory: or sqlite:PATH" in complaint("", {}, "store.url=redis://localhost")


@pytest.mark.parametrize("assignment", ["auth.mode=open", "broker.url=local:", "presence.lease=60s"])
def test_setting_whose_part_is_missing_may_be_written_with_its_default(assignment: str) -> None:
    assert load(flags=[from_assignment(assignment)]) == Config()


@pytest.mark.parametrize("store", ["sqlite:wsserver.db", "sqlite:/var/chat.db"])
def test_servers_that_meet_in_redis_cannot_each_have_a_file(store: str) -> None:
    said = complaint("", {}, "broker.url=redis://localhost", f"store.url={store}")
    assert store in said
    assert "--store postgresql://" in said
    assert "--store memory:" in said
    assert "--store" in complaint("", {}, "broker.url=redis://localhost")


@pytest.mark.parametrize("store", ["memory:", "postgresql://db/chat"])
def test_servers_that_meet_in_redis_share_a_store_that_can_be_shared(store: str) -> None:
    flags = [from_assignment("broker.url=rediss://user:secret@redis:1/2"), from_assignment(f"store.url={store}")]
    assert load(flags=flags).store.url == store


@pytest.mark.parametrize("url", ["redis:", "http://localhost", "redis://localhost/x", "redis://localhost?speed=1", ""])
def test_an_address_of_no_broker_is_refused_with_those_there_are(url: str) -> None:
    assert "local: or redis://" in complaint("", {}, f"broker.url={url}")


def test_unknown_option_of_a_channel_names_the_nearest(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, '[channels."news:*"]\nhistroy = 3\n'))
    assert "wsserver.toml:2: " in said
    assert "did you mean 'channels.\"PATTERN\".history'?" in said


def test_options_of_channels_stand_below_their_patterns_and_flags_add_to_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[channels."news:*"]\nhistory = 3\nsend = ["ann", "bob"]\n[channels.lobby]\njoin = []\n')
    config = load(file, {}, [from_assignment("channels.news:*.history=0"), from_assignment("channels.*.join=ann")])
    assert config.channels == {
        "news:*": ChannelSettings(history=0, send=("ann", "bob")),
        "lobby": ChannelSettings(join=()),
        "*": ChannelSettings(join=("ann",)),
    }


def test_option_of_a_channel_can_be_unset_by_an_empty_value(tmp_path: Path) -> None:
    file = write(tmp_path, '[channels.a]\nhistory = 3\nsend = ["ann"]\nqueue_policy = "latest"\n')
    emptied = [from_assignment(f"channels.a.{key}=") for key in ("history", "send", "queue_policy")]
    assert load(file, {}, emptied).channels == {"a": ChannelSettings()}


@pytest.mark.parametrize("pattern", ["a*b", "**", " a", "a\x1b", "a" * 256])
def test_pattern_that_no_channel_can_match_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="pattern of channels"):
        load(flags=[Given(("channels", pattern, "history"), "0", "--set")])


@pytest.mark.parametrize(
    ("assignments", "complaint_part"),
    [
        ((f"auth.secret={SECRET[:31]}",), "'auth.secret' has 31 bytes and needs at least 32"),
        ((f"auth.secret=-----BEGIN PUBLIC KEY-----{SECRET}",), "PEM"),
        ((f"auth.secret={SECRET}", "auth.public_key=a.pem"), "both set"),
    ],
)
def test_keys_that_nobody_should_rely_on_are_refused(assignments: tuple[str, ...], complaint_part: str) -> None:
    said = complaint("", {}, *assignments)
    assert complaint_part in said
    assert SECRET[:31] not in said


def test_secrets_are_shown_neither_in_errors_nor_in_traces(tmp_path: Path) -> None:
    assert "hunter2" not in complaint(write(tmp_path, '[auth]\nsecret = ["hunter2"]\n'))
    assert "hunter2" not in complaint("", {"WSSERVER_AUTH_SECRET": "hunter2"})
    assert "hunter2" not in complaint("", {}, "api.key=\0hunter2")
    assert "hunter2" not in repr(load(environment={"WSSERVER_API_KEY": "hunter2"}))
    assert SECRET not in repr(load(environment={"WSSERVER_AUTH_SECRET": SECRET}))


@pytest.mark.parametrize(
    "assignment",
    [
        "store.url=postgresq://chat:hunter2@db1/chat",
        "broker.url=redis://u:hunter2@h:99999/0",
        "broker.url=redis://u:hunter2@h/0?x=1",
    ],
)
def test_an_address_that_is_no_good_is_shown_without_its_password(assignment: str) -> None:
    said = complaint("", {}, assignment)
    assert ":...@" in said
    assert "hunter2" not in said


def test_an_admin_port_that_is_none_is_found_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, '[server]\nadmin = "9180"\n')
    assert complaint(file) == f"{file}:2: 'server.admin' is \"9180\"; expected HOST:PORT, such as 127.0.0.1:9180"


def test_token_mode_without_a_key_is_a_good_file_since_the_secret_may_be_in_the_environment(tmp_path: Path) -> None:
    assert load(write(tmp_path, '[auth]\nmode = "token"\n')).auth.mode == "token"


def test_unix_socket_and_inherited_socket_exclude_each_other() -> None:
    assert "'server.unix' and 'server.fd' are both set" in complaint("", {}, "server.unix=/run/x", "server.fd=3")


def test_the_proxy_protocol_needs_somebody_who_may_speak_it() -> None:
    with pytest.raises(ConfigError, match=r"server\.trusted_proxies"):
        load(flags=[from_assignment("server.proxy_protocol=true")])
    load(flags=[from_assignment("server.proxy_protocol=true"), from_assignment("server.trusted_proxies=10.0.0.1")])


def test_inherited_socket_can_be_unset_by_an_empty_value() -> None:
    flags = [from_assignment("server.fd=3"), from_assignment("server.fd=")]
    assert load(flags=flags).server.fd is None


def test_poller_that_this_platform_lacks_names_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsserver.config.available_pollers", lambda: {"select": object})
    assert complaint("", {}, "server.poller=kqueue") == "this platform has no poller 'kqueue'; it has select"


def test_long_bad_value_is_cut() -> None:
    assert len(complaint("", {}, "server.port=" + "9" * 10000)) < 200


@pytest.mark.parametrize(
    ("assignments", "count"),
    [
        ((), 0),
        (("server.host=localhost",), 0),
        (("server.host=::1",), 0),
        (("server.host=127.8.8.8",), 0),
        (("server.host=0.0.0.0",), 1),
        (("server.host=chat.example",), 1),
        (("server.host=0.0.0.0", "server.unix=/run/x"), 0),
        (("server.hosts=*",), 1),
        (("limits.rate=0", "server.hosts=*"), 2),
        (("api.key=0123456789abcde",), 1),
        (("api.key=0123456789abcdef",), 0),
        (("channels.a.join=ann",), 1),
        (("channels.a.send=ann", "auth.mode=token"), 0),
        (("channels.a.send=*,ann", "channels.b.history=0"), 0),
    ],
)
def test_dangerous_settings_are_named(assignments: tuple[str, ...], count: int) -> None:
    config = load(flags=[from_assignment(assignment) for assignment in assignments])
    assert len(cautions(config)) == count
