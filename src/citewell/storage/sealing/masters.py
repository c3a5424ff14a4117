"""Master keys: they seal nothing but the tenants' data keys, and never enter the database."""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from citewell.domain.errors import DamagedError, StartError
from citewell.storage.sealing.records import KEY_BYTES, DataKey

FILE_NAME = "encryption_key"
_HINT = "Write each key as the base64 of 32 random bytes: `openssl rand -base64 32`."


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The first one seals; the others still open what they sealed before."""

    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def first(self) -> str:
        """The name of the key that seals now."""
        return _name(self.keys[0])

    def wrap(self, key: DataKey, place: str) -> bytes:
        """A data key as it is stored."""
        return DataKey(key.id, self.keys[0]).seal(key.secret, place)

    def unwrap(self, key: "StoredKey") -> DataKey:
        """A stored data key; raises `StartError` when no master key here opens it."""
        secret = self._named().get(key.master)
        if secret is None:
            raise StartError(
                f"The master key {key.master}, which seals stored data, is missing.",
                hint="Give it after the present one in CITEWELL_ENCRYPTION__KEY, or put it back"
                " into its file.",
            )
        try:
            return DataKey(key.id, DataKey(key.id, secret).open(key.wrapped, key.place))
        except DamagedError as error:
            raise StartError(
                f"The data key {key.id} does not open with the master key {key.master}.",
                hint="It was changed in the database: restore the table data_keys.",
            ) from error

    def _named(self) -> Mapping[str, bytes]:
        return {_name(key): key for key in self.keys}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A data key as the database has it, bound to its `place`."""

    id: UUID
    master: str
    wrapped: bytes = field(repr=False)
    place: str


def choose(key: str | None, file: Path | None, folder: Path, *, new: bool) -> MasterKeys:
    """The keys that are given, else those in `folder`: made there when all of it is `new`.

    Raises `StartError`.
    """
    if key is not None and file is not None:
        raise StartError(
            "CITEWELL_ENCRYPTION__KEY and CITEWELL_ENCRYPTION__KEY_FILE are both set.",
            hint="Unset one of them.",
        )
    if key is not None:
        return parse(key, "CITEWELL_ENCRYPTION__KEY")
    if file is not None:
        return read(file)
    return make(folder / FILE_NAME) if new else read(folder / FILE_NAME)


def parse(text: str, origin: str) -> MasterKeys:
    """Keys separated by commas or white space; raises `StartError`."""
    keys = []
    for part in text.replace(",", " ").split():
        try:
            key = base64.b64decode(part, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES or len(set(key)) < 8:
            raise StartError(f"{origin} holds something that is no key of 256 bits.", hint=_HINT)
        keys.append(key)
    if not keys:
        raise StartError(f"{origin} holds no key.", hint=_HINT)
    return MasterKeys(tuple(keys))


def read(path: Path) -> MasterKeys:
    """The keys in a file; raises `StartError`."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"The master key cannot be read from {path}: {error}.",
            hint="Put the file back from where you keep it; without it sealed data is lost.",
        ) from error


def make(path: Path) -> MasterKeys:
    """The keys in a file that is made when there is none; all who come together get the same.

    Raises `StartError`.
    """
    if not path.exists():
        try:
            _keep(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        except OSError as error:
            raise StartError(
                f"The master key cannot be kept in {path}: {error}.",
                hint="Check that the data directory belongs to this user and is writable.",
            ) from error
    return read(path)


def _keep(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def _name(key: bytes) -> str:
    return hashlib.sha256(b"citewell master key" + key).hexdigest()[:16]
