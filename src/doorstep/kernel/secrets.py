"""The installation's own secret keys: the first encrypts and signs, all are tried when something is opened or verified.

So a key is changed by putting a new one in front and dropping the old one later. An embedded installation makes its first key itself
and keeps it in ``secret.keys`` in its data folder; with an external database, where several machines must share them, they are a setting.
"""

import base64
import binascii
import contextlib
import hmac
import os
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FILE_NAME = "secret.keys"
FEWEST_BYTES = 32
_NONCE_BYTES = 12


class SecretsError(Exception):
    """The secret keys are missing or no good; the message says what to do. It never shows a key."""


class CannotOpen(SecretsError):
    """None of the keys opens this: it was sealed with a key that is gone, or for another purpose, or was changed."""


class SecretKeys:
    """Keys of at least 32 bytes. Every purpose (a word such as ``tracking``) gets keys of its own, derived from these."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise SecretsError("Set DOORSTEP_SECRET_KEYS: 32 random bytes, such as `openssl rand -hex 32` prints.")
        self._keys = tuple(keys)

    @classmethod
    def load(cls, given: Sequence[str], home: Path, *, may_make: bool) -> "SecretKeys":
        """The keys of the settings; else those kept in ``home``, made now if ``may_make``. Raises SecretsError.

        A key is written in hexadecimal or base64 and holds at least 32 bytes.
        """
        if given:
            return cls([_decoded(text, f"key {place} of DOORSTEP_SECRET_KEYS") for place, text in enumerate(given, 1)])
        if not may_make:
            return cls([])
        path = home / FILE_NAME
        if not path.exists():
            _make(path)
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
        return cls([_decoded(line, f"a key in {path}") for line in lines if line and not line.startswith("#")])

    def sign(self, purpose: str, message: bytes) -> bytes:
        """A tag of 32 bytes (HMAC-SHA256) by the first key."""
        return _tag(self._keys[0], purpose, message)

    def tags(self, purpose: str, message: bytes) -> list[bytes]:
        """The tags of all keys, that of the first one first: for finding what was once made of the message."""
        return [_tag(key, purpose, message) for key in self._keys]

    def verify(self, purpose: str, message: bytes, tag: bytes) -> bool:
        """Whether any of the keys made the tag for that purpose; compared in constant time."""
        return any(hmac.compare_digest(_tag(key, purpose, message), tag) for key in self._keys)

    def seal(self, purpose: str, secret: bytes) -> bytes:
        """Encrypt (AES-256-GCM) by the first key, for keeping in the database."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(_derived(self._keys[0], purpose)).encrypt(nonce, secret, None)

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What ``seal`` encrypted for that purpose; raises CannotOpen."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys:
            with contextlib.suppress(InvalidTag, ValueError):
                return AESGCM(_derived(key, purpose)).decrypt(nonce, rest, None)
        raise CannotOpen(
            "A secret in the database was sealed with a key that is not in DOORSTEP_SECRET_KEYS: add that key at the end."
        )


@lru_cache(maxsize=64)
def _derived(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"doorstep {purpose}".encode()).derive(key)


def _tag(key: bytes, purpose: str, message: bytes) -> bytes:
    return hmac.digest(_derived(key, f"{purpose} signature"), message, "sha256")


def _decoded(text: str, what: str) -> bytes:
    """The bytes of a key; the text itself stays out of every message."""
    for decode in (bytes.fromhex, _from_base64):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(key) >= FEWEST_BYTES:
            return key
    raise SecretsError(
        f"The {what} is not at least {FEWEST_BYTES} bytes in hexadecimal or base64: make one with `openssl rand -hex 32`."
    )


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


def _make(path: Path) -> None:
    """A new key in a file that only its owner can read; of two processes at the same moment one makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(
                "# Doorstep's secret keys, one a line: the first encrypts and signs, all are tried. Keep a copy.\n"
            )
            file.write(f"{secrets.token_hex(FEWEST_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    except OSError as error:
        raise SecretsError(f"Cannot keep the secret keys in {path}: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
