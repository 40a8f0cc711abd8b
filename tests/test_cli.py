"""The command line: commands, flags, exit codes, and what stands on which stream."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest

from wsserver import __version__
from wsserver.cli import main
from wsserver.config import Config, load
from wsserver.observe import logs

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the process's own environment and log out of it."""
    for name in ("WSSERVER_SERVER_PORT", "WSSERVER_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(logs, "configure", lambda level, form: None)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Stand in for the server: keeps the configurations it is run with, and stops cleanly."""
    configs: list[Config] = []

    def run(config: Config, reload: Callable[[], Config]) -> int:
        configs.append(config)
        assert reload() == config
        return 0

    def supervise(config: Config, workers: int, reload: Callable[[], Config]) -> int:
        return run(replace(config, server=replace(config.server, workers=workers)), lambda: configs[-1])

    monkeypatch.setitem(sys.modules, "wsserver.server", SimpleNamespace(run=run))
    monkeypatch.setitem(sys.modules, "wsserver.supervisor", SimpleNamespace(supervise=supervise))
    return configs


@pytest.mark.parametrize("argv", [[], ["serve"]], ids=["nothing", "serve"])
def test_without_a_command_it_serves(argv: list[str], served: list[Config]) -> None:
    assert main(argv) == 0
    assert served == [Config()]


@pytest.mark.parametrize("argv", [["--port", "0"], ["serve", "--port", "0"], ["--port=0"], ["--set", "server.port=0"]])
def test_flags_reach_the_server_with_and_without_the_command(argv: list[str], served: list[Config]) -> None:
    main(argv)
    assert served[0].server.port == 0


def test_every_flag_reaches_its_setting(served: list[Config]) -> None:
    flags = "--host ::1 --port 1 --unix /run/x --workers 1 --store memory: --broker local: --poller poll"
    main([*flags.split(), "--log-level", "debug", "--log-format", "json"])
    config = served[0]
    assert (config.server.host, config.server.port, config.server.unix) == ("::1", 1, "/run/x")
    assert (config.server.poller, config.log.level, config.log.format) == ("poll", "debug", "json")


@pytest.mark.parametrize(("argv", "workers"), [("1", 1), ("3", 3), ("auto", 2)])
def test_workers_are_counted_or_as_many_as_there_are_cores(
    argv: str, workers: int, served: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsserver.reactor.world.World.cores", lambda world: [4, 6])
    assert main(["--workers", argv, "--no-pin"]) == 0
    assert (served[0].server.workers, served[0].server.pin) == (workers, False)


def test_inherited_socket_is_a_number(served: list[Config]) -> None:
    main(["--fd", "3"])
    assert served[0].server.fd == 3


def test_flag_wins_over_environment_and_file(
    tmp_path: Path, served: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[server]\nport = 1\nhost = '::1'\n")
    monkeypatch.setenv("WSSERVER_SERVER_PORT", "2")
    main(["-c", str(file)])
    main(["-c", str(file), "--port", "3"])
    assert [(config.server.port, config.server.host) for config in served] == [(2, "::1"), (3, "::1")]


def test_exit_code_of_the_server_is_the_command_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wsserver.server", SimpleNamespace(run=lambda config, reload: 1))
    assert main([]) == 1


def test_standard_output_that_was_closed_before_the_start_is_nobody_s_trouble(
    served: list[Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["--port", "0"]) == 0


def test_interrupt_before_the_server_listens_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config, reload: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "wsserver.server", SimpleNamespace(run=run))
    assert main([]) == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["--port", "x"],
        ["--set", "sever.port=1"],
        ["--set", "nonsense"],
        ["-c", "/nowhere/wsserver.toml"],
        ["--store", "wsserver.db"],
        ["--workers", "many"],
        ["--tls-cert", "a.pem"],
        ["--broker", "redis://localhost"],
        ["--log-level", "loud"],
    ],
)
def test_configuration_nobody_can_honour_exits_2_with_one_line(
    argv: list[str], served: list[Config], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert (out, served) == ("", [])
    assert err.startswith("wsserver: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["dance"], ["--prt", "1"], ["serve", "extra"], ["check-config"], ["--po", "1"]])
def test_usage_nobody_understands_exits_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"wsserver {__version__}\n"


def test_help_shows_examples_and_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--help"], ["serve", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert "not in this version" in out


def test_good_file_is_called_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[server]\nport = 1\n")
    assert main(["check-config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} is good\n"


def test_bad_file_is_judged_with_its_line_whatever_the_environment_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSSERVER_SERVER_PORT", "8080")
    file = tmp_path / "a.toml"
    file.write_text("[server]\nport = -1\n")
    assert main(["check-config", str(file)]) == 2
    assert f"{file}:2: " in capsys.readouterr().err


def test_printed_configuration_is_good_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--port", "0", "--set", "limits.rate=0"]) == 0
    file = tmp_path / "a.toml"
    file.write_text(capsys.readouterr().out)
    assert main(["check-config", str(file)]) == 0
    config = load(str(file))
    assert (config.server.port, config.limits.rate) == (0, 0)


def test_dangerous_settings_are_logged_at_start(served: list[Config], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    log = SimpleNamespace(warning=lambda kind, sentence: said.append(sentence))
    monkeypatch.setattr(logs, "get", lambda source: log)
    main(["--host", "0.0.0.0"])
    assert [sentence for sentence in said if "0.0.0.0" in sentence]


def test_token_is_printed_alone_and_says_what_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSSERVER_AUTH_SECRET", SECRET)
    before = int(time.time())
    assert main(["token", "--user", "ann", "--channel", "news:*", "--channel", "lobby"]) == 0
    printed, errors = capsys.readouterr()
    assert (printed.count("\n"), errors) == (1, "")
    claims = jwt.decode(printed.strip(), SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["channels"]) == ("ann", ["news:*", "lobby"])
    assert before + 3600 <= claims["exp"] <= int(time.time()) + 3600


def test_token_may_be_made_for_longer_and_for_the_configured_audience(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", f"auth.secret={SECRET}", "--set", "auth.audience=here"]
    assert main(["token", "--user", "ann", "--expires", "365d", *settings]) == 0
    claims = jwt.decode(capsys.readouterr().out.strip(), SECRET, algorithms=["HS256"], audience="here")
    assert claims["exp"] > time.time() + 364 * 86400


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--user", "ann", "--set", "auth.secret="], "WSSERVER_AUTH_SECRET"),
        (["--user", "a*"], "'a*' is no good name"),
        (["--user", "ann", "--channel", "a*b"], "'a*b' is no good name"),
        (["--user", "ann", "--expires", "soon"], "--expires 'soon': expected a duration of at least 1s"),
        (["--user", "ann", "--expires", "0s"], "--expires '0s'"),
    ],
)
def test_token_that_cannot_be_made_is_one_line_and_2(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "--set", f"auth.secret={SECRET}", *argv]) == 2
    printed, errors = capsys.readouterr()
    assert (printed, errors.count("\n")) == ("", 1)
    assert told in errors


def test_token_without_the_library_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    monkeypatch.delitem(sys.modules, "wsserver.access.tokens", raising=False)
    assert main(["token", "--user", "ann", "--set", f"auth.secret={SECRET}"]) == 2
    assert capsys.readouterr().err.endswith("pip install 'wsserver[auth]'\n")


def test_migrate_brings_a_file_up_to_date_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:{tmp_path}/chat.db"
    assert main(["migrate", "--store", url]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/chat.db was brought from schema 0 to 1\n"
    assert main(["migrate", "--store", url]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/chat.db is up to date (schema 1)\n"


def test_migrate_says_what_is_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter").write_text("dear wsserver, ...")
    assert main(["migrate", "--store", f"sqlite:{tmp_path}/letter"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "no SQLite database" in said.err
