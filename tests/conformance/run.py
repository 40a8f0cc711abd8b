"""Runs Autobahn's fuzzing client against `/echo` of a server of its own, with the limits that its cases need.

    python tests/conformance/run.py              groups 1-7, 9 and 10
    python tests/conformance/run.py '1.*,2.*'    some cases
    python tests/conformance/run.py --all        everything, compression (12, 13) included

The report is reports/conformance/index.html. Exit code: 0 when every case passed or the suite cannot run here (said
loudly), 1 when a case failed, 2 when the run itself broke. Installing the suite (once) takes a minute.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parents[1]

CORE: Final = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*"
NO_PYTHON_27: Final = 3

PROFILE: Final = (
    "websocket.max_message=16MiB",  # group 9 sends up to 16 MiB in one message
    "websocket.max_fragments=300000",  # 9.3 and 9.4 send 4 MiB in frames of 64 bytes
    "websocket.ping_interval=1h",  # a ping of ours in the middle of a case is one that it did not expect
    "websocket.close_timeout=10s",
    "websocket.compression=true",  # groups 12 and 13
    "limits.rate=0",  # 9.7 and 9.8 send a thousand messages at once
    "limits.queue=64MiB",  # what was sent in one message has to fit on the way back
)
"""Settings of the server under test. Every other limit stays as people have it."""


@contextmanager
def echo_server(log: Path) -> Iterator[int]:
    """Run a server and yield its port. Raises RuntimeError when it does not come up."""
    flags = [flag for setting in PROFILE for flag in ("--set", setting)]
    command = [sys.executable, "-m", "wsserver", "serve", "--port", "0", "--store", "memory:", *flags]
    with log.open("wb") as stderr, subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, stderr=stderr) as server:
        assert server.stdout is not None
        ready = re.search(rb":(\d+) \(pid", server.stdout.readline())
        try:
            if not ready:
                raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")
            yield int(ready[1])
        finally:
            server.terminate()


def run_suite(port: int, report: Path, cases: str) -> int:
    """Run the fuzzing client and return its exit code."""
    environment = {**os.environ, "AUTOBAHN_PATH": "/echo"}
    command = [str(HERE / "autobahn.sh"), str(port), str(report), cases]
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Run the cases that the command line names and return the exit code."""
    parser = argparse.ArgumentParser(description="Run Autobahn's fuzzing client against /echo.")
    parser.add_argument("cases", nargs="?", default=CORE, help=f"comma-separated patterns (default {CORE})")
    parser.add_argument("--all", action="store_true", help="every case, compression (12 and 13) included")
    arguments = parser.parse_args()
    report = TOP / "reports" / "conformance"
    report.mkdir(parents=True, exist_ok=True)
    try:
        with echo_server(report / "server.log") as port:
            code = run_suite(port, report, "*" if arguments.all else arguments.cases)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    if code == NO_PYTHON_27:
        subprocess.run([TOP / ".ci" / "loud", "No Python 2.7: CONFORMANCE WAS NOT TESTED."], check=False)
        return 0
    print(f"report: {(report / 'index.html').relative_to(TOP)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
