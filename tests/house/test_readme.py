"""What the README shows works: its programs run, its links lead somewhere, its commands exist."""

import re
import subprocess
import sys

import pytest
import websocket

from tests.house.tree import ROOT

README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def start(tmp_path, program):
    """Start a program of the README on a free port; return the process and the port."""
    script = tmp_path / "program.py"
    free = program.replace("Config()", "Config(server=ServerSettings(port=0), store=StoreSettings('memory:'))")
    script.write_text("from wsserver.configuration.settings import ServerSettings, StoreSettings\n" + free)
    process = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    ready = re.search(r":(\d+) \(pid", process.stdout.readline())
    assert ready
    return process, int(ready[1])


def test_the_router_of_the_readme_answers_in_capitals_beside_the_chat(tmp_path):
    process, port = start(tmp_path, PROGRAMS[1])
    try:
        shout = websocket.create_connection(f"ws://127.0.0.1:{port}/shout", timeout=10)
        shout.send("hello")
        assert shout.recv() == "HELLO"
        shout.close()
        chat = websocket.create_connection(f"ws://127.0.0.1:{port}/chat", timeout=10)
        assert '"welcome"' in chat.recv()
        chat.close()
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(20) == 0


def test_the_script_of_the_readme_joins_and_hears_itself(tmp_path):
    process, port = start(tmp_path, PROGRAMS[1])
    script = PROGRAMS[0].replace(":8080", f":{port}").replace("while True:", "for _ in range(3):")
    try:
        said = subprocess.check_output([sys.executable, "-c", script], text=True, timeout=20)
        assert [line.split('"')[3] for line in said.splitlines()] == ["welcome", "joined", "message"]
        assert "hello from a script" in said
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(20)


def test_a_router_of_your_own_takes_ten_lines():
    assert len([line for line in PROGRAMS[1].splitlines() if line]) <= 10


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)\b", README))))
def test_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
