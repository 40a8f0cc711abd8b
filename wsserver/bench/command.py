"""`wsserver bench`: arguments in, a run, and its report on standard output, as JSON, and as a picture.

Exit codes: 0 when nothing was lost, refused, closed or wrong; 1 when something was; 2 for arguments (a UsageError,
which the command line turns into a sentence).

Read next: `options.py`.
"""

import json
import sys
from argparse import Namespace
from pathlib import Path

from wsserver.bench.address import look_up
from wsserver.bench.coordinator import run
from wsserver.bench.errors import UsageError
from wsserver.bench.options import Options, judge
from wsserver.bench.plot import draw
from wsserver.bench.report import as_text, report
from wsserver.reactor.world import World

SPARE_FDS = 64
"""File descriptors of a worker that are no clients."""


def bench(given: Namespace) -> int:
    """Do what the arguments say; return the exit code. Raises UsageError."""
    options = judge(given)
    world = World()
    family, address = look_up(world, options.target, options.foreign)
    _check_files(options, world.raise_fd_limit())
    findings = run(options, family, address, _tell)
    found = report(findings)
    sys.stdout.write(as_text(found, options))
    sys.stdout.flush()
    if options.json_path:
        Path(options.json_path).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.svg_path:
        Path(options.svg_path).write_text(draw(findings, found), encoding="utf-8")
    return 1 if found["faults"] else 0


def _check_files(options: Options, fd_limit: int) -> None:
    """See before a long run, not after it, that its report can be written, and that there are enough descriptors."""
    for path in (options.json_path, options.svg_path):
        if path and not Path(path).absolute().parent.is_dir():
            raise UsageError(f"'{path}' cannot be written: there is no such folder")
    most = max(1, fd_limit - SPARE_FDS)
    if -(-options.clients // options.processes) > most:
        raise UsageError(
            f"one process may hold {most:,} connections here: share {options.clients:,} among more with --processes, "
            "or raise the limit of open files (ulimit -n)"
        )


def _tell(line: str) -> None:
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
