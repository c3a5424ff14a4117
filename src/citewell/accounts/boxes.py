"""What leaves our hands for a while and must come back as it was, unread."""

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Box:
    """Sealed with the installation's secret, for one purpose; no other purpose's box opens it."""

    secret: str = field(repr=False)
    purpose: str

    def close(self, content: bytes, label: str = "") -> bytes:
        """A form of `content` that only this box opens, and only under the same label."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, content, label.encode())

    def open(self, closed: bytes, label: str = "") -> bytes:
        """The content; raises `ValueError` for what this box has not closed under this label."""
        nonce, sealed = closed[:NONCE_BYTES], closed[NONCE_BYTES:]
        try:
            return self._cipher().decrypt(nonce, sealed, label.encode())
        except InvalidTag as error:
            raise ValueError("Somebody else has sealed or changed it.") from error

    def _cipher(self) -> AESGCM:
        info = f"citewell: {self.purpose}".encode()
        return AESGCM(HKDF(SHA256(), 32, salt=None, info=info).derive(self.secret.encode()))
