"""The systemd unit: understood by systemd, and closed as far as it can be."""

import re
import shutil
import subprocess

import pytest

from tests.deploy.shipped import replace, shipped
from wsserver.config import Config, load

UNIT = "wsserver.service"
PROGRAM = "/usr/local/bin/wsserver"


@pytest.fixture
def unit(tmp_path):
    """The shipped unit, of a program that is there."""
    path = tmp_path / UNIT
    path.write_text(replace(shipped(UNIT), {PROGRAM: shutil.which("true")}))
    return path


SYSTEMD = shutil.which("systemd-analyze")

needs_systemd = pytest.mark.skipif(
    SYSTEMD is None, reason="a machine without systemd has nobody to ask about its units"
)


def analyze(*arguments):
    done = subprocess.run([SYSTEMD, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def value_of(key):
    return re.findall(rf"^{key}=(.*)$", shipped(UNIT), re.M)


@needs_systemd
def test_systemd_understands_every_line(unit):
    assert analyze("verify", str(unit)) == (0, "")


@needs_systemd
def test_systemd_finds_it_closed(unit):
    code, said = analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(unit))  # of 100, in tenths
    assert code == 0, said


def test_it_has_time_to_drain():
    config = Config()
    [patience] = value_of("TimeoutStopSec")
    assert float(patience.removesuffix("s")) > config.server.drain + config.websocket.close_timeout


def test_what_it_takes_from_the_environment_is_known(tmp_path):
    named = re.findall(r"(WSSERVER_[A-Z_]+)=\.\.\.", shipped(UNIT))
    assert named
    good = {"WSSERVER_STORE_URL": "memory:"}
    config = load(environment={name: good.get(name, "s" * 32) for name in named})
    assert (config.auth.secret, config.api.key, config.store.url) == ("s" * 32, "s" * 32, "memory:")
