"""Repeated requests that carry or return a secret: nothing kept of them gives it away."""

import base64
import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Repeating:
    """What a kept reply may hold of a secret; `secret` is the installation's."""

    secret: str

    def seal(self, text: str) -> str:
        """A form of `text` that only this installation opens."""
        nonce = os.urandom(NONCE_BYTES)
        closed = AESGCM(self._derived(b"sealing")).encrypt(nonce, text.encode(), None)
        return base64.b64encode(nonce + closed).decode()

    def open(self, sealed: str) -> str:
        """The text."""
        content = base64.b64decode(sealed)
        nonce, closed = content[:NONCE_BYTES], content[NONCE_BYTES:]
        return AESGCM(self._derived(b"sealing")).decrypt(nonce, closed, None).decode()

    def mark(self, text: str) -> str:
        """Equal for equal texts; without the installation's secret nobody can try guesses at it."""
        return hmac.digest(self._derived(b"comparing"), text.encode("utf-8"), "sha256").hex()

    def _derived(self, purpose: bytes) -> bytes:
        derive = HKDF(SHA256(), 32, salt=None, info=b"citewell: repeated requests, " + purpose)
        return derive.derive(self.secret.encode())
