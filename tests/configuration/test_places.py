"""Finding the files of the page."""

from pathlib import Path

import pytest

import wsserver
from wsserver.configuration.errors import ConfigError
from wsserver.configuration.places import find_static


def test_configured_folder_is_taken(tmp_path: Path) -> None:
    assert find_static(str(tmp_path)) == tmp_path


def test_configured_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.static: there is no folder"):
        find_static(str(tmp_path / "none"))


def test_page_beside_a_checkout_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static").mkdir()
    monkeypatch.setattr(wsserver, "__file__", str(tmp_path / "wsserver" / "__init__.py"))
    assert find_static() == tmp_path / "static"


def test_page_inside_an_installed_package_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "wsserver" / "static").mkdir(parents=True)
    monkeypatch.setattr(wsserver, "__file__", str(tmp_path / "wsserver" / "__init__.py"))
    assert find_static() == tmp_path / "wsserver" / "static"
