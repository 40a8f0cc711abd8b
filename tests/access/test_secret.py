"""What a secret must be like, said without showing it."""

import pytest

from wsserver.access.secret import SECRET_BYTES, secret_fault


@pytest.mark.parametrize("secret", ["x" * SECRET_BYTES, "é" * (SECRET_BYTES // 2), "y" * 1000])
def test_a_secret_of_32_bytes_or_more_is_good(secret: str) -> None:
    assert secret_fault(secret) is None


@pytest.mark.parametrize("secret", ["", "x" * (SECRET_BYTES - 1), "é" * (SECRET_BYTES // 2 - 1)])
def test_a_shorter_one_is_counted_in_bytes_and_comes_with_a_way_to_make_a_better_one(secret: str) -> None:
    fault = secret_fault(secret)
    assert fault is not None
    assert f"has {len(secret.encode())} bytes" in fault
    assert "openssl rand" in fault


def test_a_public_key_is_no_secret() -> None:
    fault = secret_fault("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
    assert fault is not None
    assert "auth.public_key" in fault
