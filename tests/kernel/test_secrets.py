import base64
import stat

import pytest

from doorstep.kernel.secrets import CannotOpen, SecretKeys, SecretsError

OLD, NEW = "11" * 32, "22" * 32


def keys(*given: str) -> SecretKeys:
    return SecretKeys.load(given, None, may_make=False)  # type: ignore[arg-type]


def test_the_first_key_seals_and_signs_and_all_are_tried():
    sealed, tag = keys(OLD).seal("webhook", b"secret"), keys(OLD).sign("tracking", b"order")
    rotated = keys(NEW, OLD)
    assert rotated.open("webhook", sealed) == b"secret"
    assert rotated.verify("tracking", b"order", tag)
    assert keys(NEW).open("webhook", rotated.seal("webhook", b"again")) == b"again"
    with pytest.raises(CannotOpen):
        keys(NEW).open("webhook", sealed)
    assert not keys(NEW).verify("tracking", b"order", tag)


def test_a_purpose_opens_only_its_own():
    one = keys(OLD)
    with pytest.raises(CannotOpen):
        one.open("tracking", one.seal("webhook", b"secret"))
    assert not one.verify("webhook", b"order", one.sign("tracking", b"order"))
    with pytest.raises(CannotOpen):
        one.open("webhook", b"short")


def test_a_changed_seal_does_not_open():
    sealed = bytearray(keys(OLD).seal("webhook", b"secret"))
    sealed[-1] ^= 1
    with pytest.raises(CannotOpen):
        keys(OLD).open("webhook", bytes(sealed))


def test_keys_are_hexadecimal_or_base64_of_at_least_32_bytes():
    assert keys(base64.urlsafe_b64encode(b"k" * 32).decode())
    with pytest.raises(SecretsError, match="key 2 of DOORSTEP_SECRET_KEYS") as refused:
        keys(OLD, "hunter2")
    assert "hunter2" not in str(refused.value)


def test_an_embedded_installation_makes_its_key_once_for_its_owner_alone(tmp_path):
    first = SecretKeys.load([], tmp_path, may_make=True)
    again = SecretKeys.load([], tmp_path, may_make=True)
    assert again.open("x", first.seal("x", b"kept")) == b"kept"
    assert stat.S_IMODE((tmp_path / "secret.keys").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.keys"]


def test_an_external_database_needs_keys(tmp_path):
    with pytest.raises(SecretsError, match="DOORSTEP_SECRET_KEYS"):
        SecretKeys.load([], tmp_path, may_make=False)
    assert not list(tmp_path.iterdir())
