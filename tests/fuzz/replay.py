"""Runs inputs through their target without the fuzzer: `python -m tests.fuzz.replay NAME FILE...`.

    --lines     say how many lines of the target's modules the inputs reach, and which they do not
    --keep      copy those of the inputs into the corpus that reach what no kept one reaches, the shortest first

A folder stands for the files in it; with no file at all, the kept inputs are run. A broken demand ends it with a trace.
"""

import argparse
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tests.fuzz.reach import Reach, describe, watch
from tests.fuzz.targets import TARGETS, Target

KEPT_BYTES = 1024
"""Longer inputs are not kept: they are somebody else's seeds, and the repository is no place for them."""


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files that are meant."""
    return [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]


def keep(target: Target, files: Iterable[Path]) -> int:
    """Copy what leads somewhere new into the corpus; return how many inputs that were."""
    known = Reach()
    for _, data in target.inputs():
        known |= watch(target, data)
    kept = 0
    for data in sorted((file.read_bytes() for file in files), key=len):
        news = watch(target, data) - known
        if news and len(data) <= KEPT_BYTES:
            known |= news
            (target.corpus / sha256(data).hexdigest()[:12]).write_bytes(data)
            kept += 1
    return kept


def main() -> int:
    """Read the command line and run the inputs."""
    parser = argparse.ArgumentParser(description="run inputs through a fuzz target")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    target = TARGETS[options.target]
    files = files_of(options.files or [target.corpus])
    if options.keep:
        print(f"{keep(target, files)} inputs kept in {target.corpus}")
        return 0
    reached = Reach()
    for file in files:
        reached |= watch(target, file.read_bytes())
    print(f"{len(files)} inputs, all well")
    if options.lines:
        print(describe(target, reached))
    return 0


if __name__ == "__main__":
    sys.exit(main())
