"""One value sealed: AES-256-GCM with a fresh nonce, bound to the place where it is stored.

A sealed value moved to another row, column or tenant does not open: its place is authenticated.
"""

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from citewell.domain.errors import DamagedError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
MARK = "cw1:"
_HEX = 32
_HEAD = len(MARK) + _HEX + 1


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key with its name; at most 2^32 values may be sealed with one of them."""

    id: UUID
    secret: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The cipher is set up once; it is shared by threads."""
        object.__setattr__(self, "_cipher", AESGCM(self.secret))

    @property
    def prefix(self) -> str:
        """What every text that this key has sealed begins with."""
        return f"{MARK}{self.id.hex}:"

    def seal(self, plain: bytes, place: str) -> bytes:
        """Nonce, ciphertext and tag; opens only with the same `place`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """What was sealed at `place`; raises `DamagedError` for anything else."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        if len(rest) < TAG_BYTES:
            raise damaged(place)
        try:
            return self._cipher.decrypt(nonce, rest, place.encode())
        except InvalidTag as error:
            raise damaged(place) from error

    def seal_text(self, plain: str, place: str) -> str:
        """As `seal`, for a column of text; begins with `prefix`."""
        sealed = self.seal(plain.encode("utf-8", "surrogatepass"), place)
        return self.prefix + base64.b64encode(sealed).decode("ascii")

    def open_text(self, sealed: str, place: str) -> str:
        """What `seal_text` was given; raises `DamagedError`."""
        try:
            content = base64.b64decode(sealed[_HEAD:], validate=True)
        except (binascii.Error, ValueError) as error:
            raise damaged(place) from error
        return self.open(content, place).decode("utf-8", "surrogatepass")


def key_of(sealed: str) -> UUID | None:
    """The key that a text claims to be sealed with; None for one that claims nothing."""
    name = sealed[len(MARK) : _HEAD - 1]
    if not sealed.startswith(MARK) or len(name) < _HEX or sealed[_HEAD - 1 : _HEAD] != ":":
        return None
    try:
        return UUID(hex=name)
    except ValueError:
        return None


def to_json(value: Any) -> str:
    """A value as it is sealed."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def damaged(place: str) -> DamagedError:
    """What to say of something that does not open."""
    return DamagedError(
        f"What is stored as {place} is not what was sealed there.",
        hint="Somebody changed or moved it: restore it from a backup.",
    )
