"""setup.cfg says what is installed; it has to be what there is."""

import ast
import configparser
import subprocess
import sys

import pytest

from tests.house.tree import PACKAGE, ROOT, name, parse, sources
from wsserver import __version__

SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")

OPTIONAL = {"jwt", "cryptography", "google", "hiredis", "numpy", "hdrh", "psutil", "psycopg"}
"""What extras bring, by the names under which it is imported; only imported where it is used."""


def lines(section: str, key: str) -> list[str]:
    """Return the lines of a list in setup.cfg."""
    return [line for line in SETUP[section][key].splitlines() if line]


def test_every_package_is_installed() -> None:
    existing = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in sources(PACKAGE) if path.name == "__init__.py"
    }
    assert set(lines("options", "packages")) == existing | {"wsserver.static"}


def test_page_is_installed_with_the_package() -> None:
    assert lines("options", "package_dir") == ["wsserver.static = static"]
    assert (ROOT / "static").is_dir()


def test_version_stands_in_one_place() -> None:
    assert SETUP["metadata"]["version"] == "attr: wsserver.__version__"
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_build_file_names_the_backend_and_nothing_else() -> None:
    assert len((ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()) == 3


def test_only_declared_packages_are_imported() -> None:
    declared = {line.partition(">")[0] for line in lines("options", "install_requires")} | OPTIONAL
    for path in sources(PACKAGE):
        for node in ast.walk(parse(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for module in modules:
                top = module.partition(".")[0]
                assert top in {"wsserver", *sys.stdlib_module_names, *declared}, f"{name(path)}: {module}"


@pytest.mark.parametrize("target", ["run", "test", "check", "lint", "types", "conformance", "fuzz", "bench", "docs"])
def test_make_lists_its_targets_with_a_sentence(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [line] = [line for line in makefile.splitlines() if line.startswith(f"{target}:")]
    assert len(line.partition("## ")[2].split()) >= 3


def test_whatever_an_extra_brings_can_be_done_without() -> None:
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in sorted(OPTIONAL))
    program = f"import sys; {blocked}import wsserver.server; from wsserver.cli import main; sys.exit(main(['config']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("rest", [[], ["x"]])
def test_the_command_is_the_module_and_what_only_a_supervisor_says_is_no_command_for_people(rest: list[str]) -> None:
    [command] = lines("options.entry_points", "console_scripts")
    assert command == "wsserver = wsserver.__main__:main"
    module = [sys.executable, "-m", "wsserver", "worker", *rest]
    done = subprocess.run(module, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'worker'" in done.stderr
