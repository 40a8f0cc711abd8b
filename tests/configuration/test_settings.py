"""The list of settings keeps the house's rules about itself."""

import pytest

from wsserver.configuration.settings import SECTIONS, ChannelSettings, Setting, settings_of

ALL = [
    pytest.param(name, key, entry, id=f"{name}.{key}")
    for name, section in [*SECTIONS.items(), ("channels", ChannelSettings)]
    for key, entry in settings_of(section).items()
]


@pytest.mark.parametrize(("section", "key", "entry"), ALL)
def test_setting_has_a_reason_and_an_expectation(section: str, key: str, entry: Setting) -> None:
    assert entry.reason.endswith(".")
    assert len(entry.reason.split()) >= 3
    assert entry.kind.expected


@pytest.mark.parametrize("section", SECTIONS.values(), ids=list(SECTIONS))
def test_default_of_a_setting_that_is_not_available_is_what_can_be_honoured(section: type) -> None:
    defaults = section()
    for key, entry in settings_of(section).items():
        assert entry.only is None or getattr(defaults, key) in entry.only


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_section_name_is_one_word_so_that_the_environment_can_name_its_keys(section: str) -> None:
    assert section.isalpha()


@pytest.mark.parametrize("section", SECTIONS.values(), ids=list(SECTIONS))
def test_configuration_cannot_be_changed_after_it_was_judged(section: type) -> None:
    key = next(iter(settings_of(section)))
    with pytest.raises(AttributeError):
        setattr(section(), key, None)
