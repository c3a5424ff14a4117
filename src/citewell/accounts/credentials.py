"""Credentials: how keys and tokens look, and the digest that is all we keep of them."""

import hashlib
import re
import secrets
from uuid import UUID

from citewell.domain.ids import KeyId

PREFIX = "cw_"
SECRET_BYTES = 32
MIN_LENGTH = 32
MAX_LENGTH = 256

_CREDENTIAL = re.compile(rf"[!-~]{{{MIN_LENGTH},{MAX_LENGTH}}}")
_KEY_WITH_ID = re.compile(r"cw_([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """256 random bits, safe in URLs, headers and cookies."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_key(key_id: KeyId | None = None) -> str:
    """A fresh API key, which says by which id its digest is found."""
    return PREFIX + (f"{key_id.hex}." if key_id else "") + new_secret()


def id_in(credential: str) -> KeyId | None:
    """The id in a key; keys of the first release have none."""
    found = _KEY_WITH_ID.fullmatch(credential)
    return None if found is None else KeyId(UUID(found[1]))


def looks_valid(credential: str) -> bool:
    """Whether it can be one at all: `MIN_LENGTH` to `MAX_LENGTH` visible ASCII characters."""
    return _CREDENTIAL.fullmatch(credential) is not None


def is_same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return secrets.compare_digest(one, other)


def digest(credential: str) -> bytes:
    """What is stored and looked up: 32 bytes, from which the credential cannot be found.

    A plain hash is enough because the secret is random, not chosen by a person.
    """
    return hashlib.sha256(credential.encode()).digest()
