"""The command line: argv to a `Config`, a command to a call, trouble to an exit code.

It judges no values (`config.py` does, for flags, environment and file alike) and starts nothing itself.

| exit code | means                                                      |
|-----------|------------------------------------------------------------|
| 0         | a clean stop, also after SIGTERM                           |
| 1         | it could not run: port taken, standard output gone         |
| 2         | usage or configuration: nothing was started                |

Read next: `config.py`, then `server.py`.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from wsserver import __version__
from wsserver.access.secret import MISSING_LIBRARY
from wsserver.bench.errors import UsageError
from wsserver.bench.options import add_arguments
from wsserver.chat.names import name_fault, pattern_fault
from wsserver.config import Config, ConfigError, Given, cautions, from_assignment, load, render
from wsserver.configuration.kinds import Duration
from wsserver.configuration.settings import SECTIONS, settings_of
from wsserver.observe import logs
from wsserver.reactor.world import World

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_FLAGS: Final = (
    ("--host", "server.host", "HOST", "address to listen on"),
    ("--port", "server.port", "PORT", "port to listen on; 0 picks a free one"),
    ("--unix", "server.unix", "PATH", "listen on a Unix socket in place of host and port"),
    ("--fd", "server.fd", "N", "listen on an inherited socket in place of host and port"),
    ("--workers", "server.workers", "N", "processes, or auto: one for each core"),
    ("--store", "store.url", "URL", "where messages are kept"),
    ("--broker", "broker.url", "URL", "how several servers talk to each other"),
    ("--tls-cert", "server.tls_cert", "FILE", "certificate chain, PEM"),
    ("--tls-key", "server.tls_key", "FILE", "private key, PEM"),
    ("--admin", "server.admin", "HOST:PORT", "private port for metrics and the X-ray page"),
    ("--poller", "server.poller", "NAME", "epoll, poll, select or kqueue"),
    ("--log-level", "log.level", "LEVEL", "debug, info, warning or error"),
    ("--log-format", "log.format", "FORMAT", "text or json"),
)

TOKEN_LIFETIME: Final = Duration(least_s=1, most_s=3660 * 86400.0)
"""Ten years, for programs; people get an hour."""

_EXAMPLES: Final = """\
examples:
  wsserver                                      serve the chat page on http://127.0.0.1:8080
  wsserver --port 0                             on any free port; the ready line says which
  wsserver serve --set limits.rate=0 --set websocket.max_message=1MiB
  wsserver config > wsserver.toml               write all settings down, with their reasons
  wsserver check-config wsserver.toml           judge the file before you use it
  wsserver serve -c wsserver.toml
  wsserver token --user ann --channel "news:*"  a token for token mode, signed with WSSERVER_AUTH_SECRET
  wsserver bench ws://127.0.0.1:8080 fanout     load a server of yours and measure it
  wsserver migrate --store sqlite:wsserver.db   bring an older file up to date without serving it

Settings are taken from flags, then WSSERVER_SECTION_KEY variables, then the file, then the defaults.
Exit codes: 0 clean stop, 1 could not run, 2 usage or configuration.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name; default: the process's."""
    arguments = _build_parser().parse_args(_with_command(list(sys.argv[1:] if argv is None else argv)))
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:  # started with standard output closed, as daemons are
            sys.stdout.flush()
        return code
    except ConfigError as error:
        return _complain(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return EXIT_FAILED
    except BrokenPipeError:
        # Whoever read our output is gone. Python flushes it once more at exit, so it must lead somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _with_command(argv: list[str]) -> list[str]:
    """Put `serve` in front where no command is named: `wsserver --port 0` means it."""
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        return ["serve", *argv]
    return argv


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wsserver",
        description="A WebSocket chat and pub-sub server. Without a command it serves.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"wsserver {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the server (the default)", allow_abbrev=False)
    serve.set_defaults(run=_serve)
    _add_setting_flags(serve)
    check = commands.add_parser("check-config", help="judge a configuration file", allow_abbrev=False)
    check.add_argument("file", metavar="FILE")
    check.set_defaults(run=_check_config)
    migrate = commands.add_parser(
        "migrate", help="bring the store's schema up to date (serve does it too)", allow_abbrev=False
    )
    migrate.set_defaults(run=_migrate)
    _add_setting_flags(migrate)
    show = commands.add_parser("config", help="print the effective configuration as TOML", allow_abbrev=False)
    show.set_defaults(run=_show_config)
    _add_setting_flags(show)
    _add_token_command(commands.add_parser("token", help="mint a token with auth.secret", allow_abbrev=False))
    load_test = commands.add_parser("bench", help="load a server and measure it", allow_abbrev=False)
    load_test.set_defaults(run=_bench)
    add_arguments(load_test)
    return parser


def _add_token_command(token: argparse.ArgumentParser) -> None:
    token.set_defaults(run=_mint_token)
    token.add_argument("--user", metavar="NAME", required=True, help="who the token is for")
    token.add_argument("--expires", metavar="DURATION", default="1h", help="how long it is good (default 1h)")
    token.add_argument(
        "--channel",
        metavar="PATTERN",
        action="append",
        default=[],
        help="a channel it is good for, or the beginning of some and *; may be repeated (default: all)",
    )
    _add_setting_flags(token)


def _add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting that has one. A flag's destination is the setting's own name."""
    parser.add_argument("-c", "--config", metavar="FILE", help="configuration file, TOML")
    for flag, name, metavar, meaning in _FLAGS:
        parser.add_argument(flag, dest=name, metavar=metavar, help=f"{meaning} ({_describe_default(name)})")
    parser.add_argument(
        "--no-pin", dest="server.pin", action="store_const", const="false", help="let workers move between cores"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any other setting; may be repeated"
    )


def _describe_default(name: str) -> str:
    section, _, key = name.partition(".")
    value = getattr(SECTIONS[section](), key)
    if settings_of(SECTIONS[section])[key].only is not None:
        return f"only {value} in this version" if value else "not in this version"
    return f"default {value}" if value not in ("", None) else "default: none"


def _load(arguments: argparse.Namespace) -> Config:
    """Gather what was said. `--set` stands before the other flags, so `--port` wins over `--set server.port`."""
    given = [from_assignment(assignment) for assignment in arguments.set]
    for flag, name, *_ in (*_FLAGS, ("--no-pin", "server.pin")):
        value = getattr(arguments, name)
        if value is not None:
            given.append(Given(tuple(name.split(".")), value, flag))
    return load(arguments.config or "", os.environ, given)


def _serve(arguments: argparse.Namespace) -> int:
    config = _load(arguments)
    logs.configure(config.log.level, config.log.format)
    log = logs.get("config")
    for sentence in cautions(config):
        log.warning("caution", sentence)
    code = _run(config, lambda: _load(arguments))
    logs.flush()
    return code


def _run(config: Config, reload: Callable[[], Config]) -> int:
    """Serve, with this process or with several. Each is imported here: `config` and a supervisor need no server."""
    workers = config.server.workers or len(World().cores())
    if workers > 1:
        from wsserver.supervisor import supervise

        return supervise(config, workers, reload)
    from wsserver.server import run

    return run(replace(config, server=replace(config.server, workers=1)), reload=reload)


def _check_config(arguments: argparse.Namespace) -> int:
    load(arguments.file)
    print(f"{arguments.file} is good")
    return EXIT_OK


def _migrate(arguments: argparse.Namespace) -> int:
    from wsserver.chat.log import StoreUnavailable
    from wsserver.stores.opening import migrate_store

    try:
        print(migrate_store(_load(arguments).store.url))
    except StoreUnavailable as error:
        return _complain(f"{error}.", EXIT_FAILED)
    return EXIT_OK


def _show_config(arguments: argparse.Namespace) -> int:
    print(render(_load(arguments)), end="")
    return EXIT_OK


def _mint_token(arguments: argparse.Namespace) -> int:
    """Print a token and nothing else."""
    auth = _load(arguments).auth
    if not auth.secret:
        raise ConfigError("tokens are signed with 'auth.secret', which is not set; put it into WSSERVER_AUTH_SECRET")
    for name, fault in ((arguments.user, name_fault), *((pattern, pattern_fault) for pattern in arguments.channel)):
        if fault(name):
            raise ConfigError(f"'{name}' is no good name: it {fault(name)}")
    try:
        lifetime_s = TOKEN_LIFETIME.parse(arguments.expires)
    except ValueError:
        raise ConfigError(f"--expires '{arguments.expires}': expected {TOKEN_LIFETIME.expected}") from None
    try:
        from wsserver.access.tokens import mint
    except ImportError:
        raise ConfigError(MISSING_LIBRARY) from None
    expires_s = World().wall_ms() // 1000 + round(lifetime_s)
    print(mint(auth.secret, arguments.user, expires_s, arguments.channel, auth.audience))
    return EXIT_OK


def _bench(arguments: argparse.Namespace) -> int:
    try:
        from wsserver.bench.command import bench
    except ImportError:
        raise ConfigError("the load tester needs two more packages: pip install 'wsserver[bench]'") from None
    try:
        return bench(arguments)
    except UsageError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        return _complain(f"{error}.", EXIT_FAILED)


def _complain(message: str, code: int) -> int:
    print(f"wsserver: error: {message}", file=sys.stderr)
    return code
