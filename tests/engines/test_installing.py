"""What `.ci/engines` does where the real programs are, and where they are missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "engines"
TOOLS = ("bash", "dirname", "id", "mktemp", "tail", "rm")


@pytest.fixture
def run(tmp_path):
    """Run it with a PATH that holds a few tools and these programs of the test's own: run({"sudo": "exit 1"})."""

    def run_one(programs):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, script in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        for tool in set(TOOLS) - set(programs):
            (folder / tool).symlink_to(shutil.which(tool))
        done = subprocess.run(
            [folder / "bash", SCRIPT],
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run_one


def test_where_all_of_them_are_it_says_so_in_a_line():
    done = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_without_a_way_to_install_them_it_fails_and_says_what_to_do(run):
    code, _, said = run({})
    assert code == 1
    assert "redis-server" in said
    assert "there is no apt-get" in said
    assert "sudo apt-get install" in said


def test_without_the_right_to_it_fails_too(run):
    code, _, said = run({"apt-get": "echo called >&2", "sudo": "exit 1", "id": "echo 1000"})
    assert code == 1
    assert "there is no right" in said
    assert "called" not in said
