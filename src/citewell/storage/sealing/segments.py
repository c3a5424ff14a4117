"""A file sealed in segments, so that one of any size is written and read as a stream.

Every file has a key of its own; each segment's nonce is its number and whether it is the last, so
that a segment left out, repeated, moved or added does not open (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár). The file's key follows the last segment, sealed with the tenant's.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from citewell.storage.sealing.records import (
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    DataKey,
    damaged,
)

SEGMENT_BYTES = 1 << 16
_STORED = SEGMENT_BYTES + TAG_BYTES
_ID_BYTES = 16
FOOTER_BYTES = _ID_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES


@dataclass(slots=True)
class FileSealer:
    """Takes a file's pieces and gives what to write; `finish` must be called once, at the end."""

    place: str
    _secret: bytes = field(default_factory=lambda: os.urandom(KEY_BYTES), init=False, repr=False)
    _number: int = field(default=0, init=False)
    _held: bytearray = field(default_factory=bytearray, init=False, repr=False)

    def update(self, piece: bytes) -> bytes:
        """What can be written by now. The newest segment is held: it may be the last."""
        self._held += piece
        ready = bytearray()
        while len(self._held) > SEGMENT_BYTES:
            ready += self._segment(bytes(self._held[:SEGMENT_BYTES]), last=False)
            del self._held[:SEGMENT_BYTES]
        return bytes(ready)

    def finish(self, key: DataKey) -> bytes:
        """The last segment, and the file's key sealed with `key`."""
        last = self._segment(bytes(self._held), last=True)
        return last + key.id.bytes + key.seal(self._secret, self.place)

    def _segment(self, plain: bytes, *, last: bool) -> bytes:
        nonce = _nonce(self._number, last=last)
        self._number += 1
        return AESGCM(self._secret).encrypt(nonce, plain, self.place.encode())


def sealing_key(file: BinaryIO, place: str) -> UUID:
    """The id of the key that a sealed file needs."""
    return UUID(bytes=_footer(file, place)[:_ID_BYTES])


def unsealed(file: BinaryIO, place: str, key: Callable[[UUID], DataKey]) -> Iterator[bytes]:
    """The plain segments of a sealed file, which is closed at the end.

    Raises `DamagedError` at the first segment that is not what was sealed at this place in this
    file; those before it were.
    """
    with file:
        footer = _footer(file, place)
        wrapped = footer[_ID_BYTES:]
        cipher = AESGCM(key(UUID(bytes=footer[:_ID_BYTES])).open(wrapped, place))
        left = file.tell() - FOOTER_BYTES
        file.seek(0)
        number = 0
        while True:
            stored = file.read(min(_STORED, left))
            left -= len(stored)
            if left and len(stored) < _STORED:
                raise damaged(place)
            yield _opened(cipher, stored, _nonce(number, last=left == 0), place)
            number += 1
            if left == 0:
                return


def _opened(cipher: AESGCM, stored: bytes, nonce: bytes, place: str) -> bytes:
    if len(stored) < TAG_BYTES:
        raise damaged(place)
    try:
        return cipher.decrypt(nonce, stored, place.encode())
    except InvalidTag as error:
        raise damaged(place) from error


def _footer(file: BinaryIO, place: str) -> bytes:
    size = file.seek(0, os.SEEK_END)
    if size < FOOTER_BYTES + TAG_BYTES:
        raise damaged(place)
    file.seek(-FOOTER_BYTES, os.SEEK_END)
    return file.read(FOOTER_BYTES)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(NONCE_BYTES - 1, "big") + bytes([last])
