"""A password in an address is not shown, and all else is."""

import pytest

from wsserver.configuration.passwords import hide_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://chat:hunter2@db1:5432/chat", "postgresql://chat:...@db1:5432/chat"),
        ("postgres://chat:hunter2@db1,db2/chat?sslmode=require", "postgres://chat:...@db1,db2/chat?sslmode=require"),
        ("postgresql://db1/chat?password=hunter2&user=chat", "postgresql://db1/chat?password=...&user=chat"),
        ("postgresql://db1/chat?sslpassword=hunter2", "postgresql://db1/chat?sslpassword=..."),
        ("redis://:hunter2@h/0", "redis://:...@h/0"),
        ("redis://u:hunter2@h:99999/0", "redis://u:...@h:99999/0"),
        ("rediss://u:hun@ter/2@h", "rediss://u:...@h"),
        ("redis://u:hunter2@", "redis://u:...@"),
    ],
)
def test_password_is_replaced_wherever_an_address_may_hold_one(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown
    assert hide_passwords(shown) == shown


@pytest.mark.parametrize(
    "text",
    ["memory:", "sqlite:C:/a@b.db", "local:", "redis://h:6379/0", "postgresql://chat@db1:5432/chat", "redis+unix:/a"],
)
def test_address_without_a_password_is_shown_as_it_is(text: str) -> None:
    assert hide_passwords(text) == text
