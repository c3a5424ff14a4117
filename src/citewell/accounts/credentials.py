"""Credentials: how an API key looks, and the digest that is all we keep of it."""

import hashlib
import re
import secrets

PREFIX = "cw_"
SECRET_BYTES = 32
MIN_LENGTH = 32
MAX_LENGTH = 256

_CREDENTIAL = re.compile(rf"[!-~]{{{MIN_LENGTH},{MAX_LENGTH}}}")


def new_key() -> str:
    """A fresh API key of 256 random bits, safe in URLs, headers and cookies."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def looks_valid(credential: str) -> bool:
    """Whether it can be a key at all: `MIN_LENGTH` to `MAX_LENGTH` visible ASCII characters."""
    return _CREDENTIAL.fullmatch(credential) is not None


def digest(credential: str) -> bytes:
    """What is stored and looked up: 32 bytes, from which the key cannot be found.

    A plain hash is enough because the secret is random, not chosen by a person.
    """
    return hashlib.sha256(credential.encode()).digest()
