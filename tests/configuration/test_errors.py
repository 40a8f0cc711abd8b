"""Trouble with the configuration is one kind of trouble."""

import pytest

from wsserver.config import ConfigError as FrontDoor
from wsserver.config import load
from wsserver.configuration.errors import ConfigError


def test_config_error_of_the_front_door_is_the_one_of_the_package() -> None:
    assert FrontDoor is ConfigError


def test_config_error_is_a_single_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load("a\nb.toml")
    assert "\n" not in str(caught.value)
