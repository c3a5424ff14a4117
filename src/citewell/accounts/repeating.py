"""Repeated requests that carry or return a secret: nothing kept of them gives it away."""

import base64
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from citewell.accounts.boxes import Box


@dataclass(frozen=True, slots=True)
class Repeating:
    """What a kept reply may hold of a secret; `secret` is the installation's."""

    secret: str = field(repr=False)

    def seal(self, text: str) -> str:
        """A form of `text` that only this installation opens."""
        return base64.b64encode(self._box.close(text.encode())).decode()

    def open(self, sealed: str) -> str:
        """The text."""
        return self._box.open(base64.b64decode(sealed)).decode()

    def mark(self, text: str) -> str:
        """Equal for equal texts; without the installation's secret nobody can try guesses at it."""
        info = b"citewell: repeated requests, comparing"
        key = HKDF(SHA256(), 32, salt=None, info=info).derive(self.secret.encode())
        return hmac.digest(key, text.encode("utf-8"), "sha256").hex()

    @property
    def _box(self) -> Box:
        return Box(self.secret, "repeated requests, sealing")
