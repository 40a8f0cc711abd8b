"""What `--store` may say."""

import pytest

from wsserver.stores.address import MEMORY, POSTGRES, SQLITE, Address, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("memory:", Address(MEMORY)),
        ("sqlite:wsserver.db", Address(SQLITE, "wsserver.db")),
        ("sqlite:/var/lib/chat room%20?.db", Address(SQLITE, "/var/lib/chat room%20?.db")),
        ("sqlite:C:x", Address(SQLITE, "C:x")),
        ("postgresql://u:p@h/db?sslmode=require", Address(POSTGRES, "postgresql://u:p@h/db?sslmode=require")),
        ("postgres://", Address(POSTGRES, "postgres://")),
    ],
)
def test_an_address_is_taken_apart_and_nothing_in_a_path_is_decoded(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory:x",
        "sqlite",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:a\0b",
        "wsserver.db",
        "SQLITE:x",
        "postgresql:x",
    ],
)
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"memory: or sqlite:PATH"):
        parse_address(url)
