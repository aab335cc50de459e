"""The form of API keys and tokens: ``dsk_live_`` or ``dsk_test_`` (tokens ``dst_…``), 32 random bytes in base 62, a CRC-32 in base 62.

The checksum lets us (and secret scanners) tell a mistyped key from an unknown one without asking the database.
"""

import hashlib
import secrets
from zlib import crc32

from doorstep.identity.model import TenantMode

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY = 43
_CHECK = 6
_LINK = "trk_"
_LINK_BODY = 27
_LINK_BYTES = 20
PREFIX_LENGTH = 17
"""How many characters of a key are kept for people to recognise it: the form's 9 and 8 of the secret."""


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_key(mode: TenantMode) -> str:
    """A fresh API key."""
    return _fresh("dsk", mode)


def new_token(mode: TenantMode) -> str:
    """A fresh access or driver token."""
    return _fresh("dst", mode)


def link_token(tag: bytes) -> str:
    """The token in a recipient's link: 160 bits of a tag, so that a message with it stays short."""
    return _LINK + _base62(int.from_bytes(tag[:_LINK_BYTES]), _LINK_BODY)


def is_link_token(credential: str) -> bool:
    """Whether a credential has the form of a recipient's."""
    return credential.startswith(_LINK) and len(credential) == len(_LINK) + _LINK_BODY


def _fresh(form: str, mode: TenantMode) -> str:
    body = f"{form}_{mode.value.lower()}_{_base62(secrets.randbits(256), _BODY)}"
    return body + _base62(crc32(body.encode()), _CHECK)


def well_formed(key: str) -> bool:
    """Whether form and checksum of a key or token are right."""
    body, check = key[:-_CHECK], key[-_CHECK:]
    form, _, rest = body.partition("_")
    mode, _, rest = rest.partition("_")
    return (
        form in {"dsk", "dst"}
        and mode in {"live", "test"}
        and len(rest) == _BODY
        and key.isascii()
        and _base62(crc32(body.encode()), _CHECK) == check
    )


def key_hash(key: str) -> bytes:
    """SHA-256: a key has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).digest()
