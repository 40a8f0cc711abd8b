"""Fuzzes every target for a while, as many at a time as there are processors: `make fuzz`, or

    python -m tests.fuzz.run --seconds 60 --target frames --target chat

What is found is kept in reports/fuzz/NAME/found and is where the next run begins. Exit code 1: an input broke a demand;
the file and how to replay it are told. 2: there is no fuzzer here.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports" / "fuzz"

LENGTH = 800
"""Bytes of an input. The tight limits of the targets are reached with fewer, and byte by byte costs a call each."""

HANG_S = 20
"""An input that takes longer is a finding. The slowest takes milliseconds; a busy machine takes its time."""

MEMORY_MB = 1024
"""An input that needs more is a finding."""

NO_FUZZER = """\
There is no fuzzer for this Python: atheris cannot be imported.
It has wheels for CPython on Linux. Make an environment with an interpreter that it supports, for example:
  make clean && PYTHON=python3.12 make fuzz
The inputs that are kept are run by the tests, which need no fuzzer: python -m pytest tests/fuzz"""


@dataclass(frozen=True)
class Outcome:
    """What became of one target."""

    target: Target
    executions: int
    edges: int
    new_inputs: int
    seconds: float
    code: int
    log: Path
    finding: str


def fuzz(target: Target, seconds: int) -> Outcome:
    """Let the fuzzer work on one target."""
    folder = REPORTS / target.name
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    words, log = folder / "words.dict", folder / "log.txt"
    words.write_text("".join(f'"{_escape(word)}"\n' for word in target.words))
    before, started = len(list(found.iterdir())), time.monotonic()
    command = [
        sys.executable, "-m", "tests.fuzz.driver", target.name, f"-max_total_time={seconds}", f"-max_len={LENGTH}",
        f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={folder}/",
        "-print_final_stats=1", "-use_value_profile=1", *([f"-dict={words}"] if target.words else []),
        str(found), str(target.corpus),
    ]  # fmt: skip
    with log.open("wb") as output:
        code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, timeout=seconds + 300).returncode
    text = log.read_text(errors="replace")
    finding = (re.findall(r"Test unit written to (\S+)", text) or [""])[-1]
    return Outcome(
        target,
        executions=_last_number(r"number_of_executed_units: (\d+)", text) or _last_number(r"^#(\d+)\t", text),
        edges=_last_number(r" cov: (\d+)", text),
        new_inputs=len(list(found.iterdir())) - before,
        seconds=time.monotonic() - started,
        code=code,
        log=log,
        finding=finding,
    )


def _escape(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _last_number(pattern: str, text: str) -> int:
    numbers = re.findall(pattern, text, re.MULTILINE)
    return int(numbers[-1]) if numbers else 0


def report(outcomes: Iterable[Outcome]) -> int:
    """Print what became of each target as it ends; return how many were not well."""
    wrong = 0
    print(f"{'target':12} {'executions':>12} {'a second':>9} {'edges':>6} {'new inputs':>10}", flush=True)
    for outcome in outcomes:
        rate = outcome.executions / max(outcome.seconds, 1)
        name = outcome.target.name
        print(f"{name:12} {outcome.executions:12} {rate:9.0f} {outcome.edges:6} {outcome.new_inputs:10}", flush=True)
        if outcome.code:
            wrong += 1
            print(_explain(outcome), flush=True)
    return wrong


def _explain(outcome: Outcome) -> str:
    """Say what was found, where it is, and how to see it again."""
    text = outcome.log.read_text(errors="replace")
    said = text.partition("=== Uncaught Python exception: ===")[2].partition("== ERROR:")[0].strip()
    name = outcome.target.name
    what = "FOUND in" if outcome.finding else "could not run"
    lines = [f"  {what} {name} (exit code {outcome.code}):", *(said or text[-1500:]).splitlines()[-25:]]
    if outcome.finding:
        file = os.path.relpath(outcome.finding, ROOT)
        lines += [f"the input: {file}", f"replay it: {sys.executable} -m tests.fuzz.replay {name} {file}"]
    return "\n    ".join([*lines, f"all it said: {os.path.relpath(outcome.log, ROOT)}"])


def main() -> int:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(description="fuzz the parts that eat bytes")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="one of them; may be given several times")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(NO_FUZZER, file=sys.stderr)
        return 2
    chosen = [TARGETS[name] for name in options.target or TARGETS]
    with ThreadPoolExecutor(options.jobs) as pool:
        wrong = report(pool.map(lambda target: fuzz(target, options.seconds), chosen))
    print(f"{wrong} of {len(chosen)} targets broke a demand." if wrong else "No input broke a demand.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
