"""Blobs: files that are durable before anybody is told of them.

A blob is written under a temporary name, flushed, renamed to its key, and its folder is flushed
too; a reader sees all of it or nothing.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from citewell.domain.errors import TooLargeError, UnavailableError
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.sealing.records import damaged
from citewell.storage.sealing.seal import Seal
from citewell.storage.sealing.segments import FileSealer, sealing_key, unsealed

TEMPORARY_SECONDS = 24 * 3600
# Written at once: most files are smaller and cost one visit to another thread.
HELD_BYTES = 1 << 18
BLOBS = "blobs"

# Asked anew when it matters: a large file may arrive for longer than a key seals.
Sealing = Callable[[], Awaitable[Seal]]


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Blobs in a folder; keys are made here and are safe file names."""

    folder: Path
    _folders: list[Path] = field(default_factory=list, init=False, repr=False, compare=False)

    async def put(
        self, pieces: AsyncIterator[bytes], *, limit: int, sealing: Sealing
    ) -> StoredBlob:
        """Stream to disk while counting, hashing and sealing; durable on return.

        The key that seals is the one that is active when the last piece has come.

        Raises `TooLargeError` beyond `limit` bytes and `UnavailableError` when the disk is full;
        then nothing is left behind.
        """
        key = uuid4().hex
        temporary, final = self.folder / "incoming" / key, self._path(key)
        try:
            seal = await sealing()
            writer = FileSealer(seal.place(BLOBS, key)) if seal.keys else None
            digest, size, rest = await _received(temporary, pieces, limit, writer)
            if writer is not None:
                final = _sealed(final)
                rest += writer.finish((await sealing()).active)
            await asyncio.to_thread(self._settle, temporary, rest, final)
        except BaseException as error:
            for path in (temporary, final):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise disk_error(error) from error
            raise
        return StoredBlob(key, digest, size)

    def path(self, key: str) -> Path:
        """Where a plain blob is; the key must be one that `put` returned."""
        return self._path(UUID(hex=key).hex)

    def content(self, key: str, seal: Seal) -> Path | Iterator[bytes]:
        """A blob's file, or its plain pieces when encryption is on; blocks.

        Raises `FileNotFoundError`, and `DamagedError` for what should be sealed and is not, also
        from among the pieces.
        """
        plain = self.path(key)
        if seal.keys is None:
            plain.stat()
            return plain
        place = seal.place(BLOBS, plain.name)
        # One that is being sealed has both names for a moment, and then the second only.
        for path in (_sealed(plain), plain, _sealed(plain)):
            with suppress(FileNotFoundError):
                file = path.open("rb")
                if path != plain:
                    pieces = unsealed(file, place, seal.key)
                    return chain([next(pieces)], pieces)
                if seal.keys.complete:
                    file.close()
                    raise damaged(place)
                return _pieces(file)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(plain))

    def pieces(self, key: str, seal: Seal) -> Iterator[bytes]:
        """As `content`, in pieces whether sealed or not."""
        content = self.content(key, seal)
        return _pieces(content.open("rb")) if isinstance(content, Path) else content

    def sealed_with(self, keys: Iterable[str], seal: Seal) -> int:
        """How many of the blobs the active key has sealed. Blocks."""
        count = 0
        for key in keys:
            plain = self.path(key)
            with suppress(FileNotFoundError), _sealed(plain).open("rb") as file:
                count += sealing_key(file, seal.place(BLOBS, plain.name)) == seal.active.id
        return count

    def reseal(self, key: str, seal: Seal) -> bool:
        """Seal a blob with the active key, durably; False when it is so, or gone. Blocks."""
        plain = self.path(key)
        path, place = _sealed(plain), seal.place(BLOBS, plain.name)
        try:
            if path.exists():
                with path.open("rb") as file:
                    if sealing_key(file, place) == seal.active.id:
                        return _removed(plain)
            content = self.content(key, seal)
        except FileNotFoundError:
            return False
        assert not isinstance(content, Path)
        temporary = self.folder / "incoming" / uuid4().hex
        try:
            writer = FileSealer(place)
            for piece in content:
                _append(temporary, writer.update(piece))
            self._settle(temporary, writer.finish(seal.active), path)
        finally:
            temporary.unlink(missing_ok=True)
        _removed(plain)
        return True

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove blobs; one that is gone already is no error."""
        for key in keys:
            path = self.path(key)
            for name in (_sealed(path), path):
                await asyncio.to_thread(name.unlink, missing_ok=True)

    def orphans(self, known: set[str], *, older_than_seconds: float, now: float) -> list[Path]:
        """Files that no row refers to and that no upload in progress can be about to name."""
        found = [*self.folder.glob("incoming/*"), *self.folder.glob("[0-9a-f][0-9a-f]/*")]
        return [
            path
            for path in found
            if path.name.partition(".")[0] not in known and _age(path, now) > older_than_seconds
        ]

    def _settle(self, temporary: Path, rest: bytes, final: Path) -> None:
        """Write the rest, flush, name, and flush the name."""
        _append(temporary, rest, durable=True)
        if not self._folders:
            self._make_folders()
        try:
            temporary.rename(final)
        except FileNotFoundError:
            self._make_folders()
            temporary.rename(final)
        _flush(final.parent)

    def _make_folders(self) -> None:
        # All at once: only a process's first upload waits for the folder above to be flushed.
        for number in range(256):
            (self.folder / f"{number:02x}").mkdir(exist_ok=True)
        _flush(self.folder)
        self._folders.append(self.folder)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key


def disk_error(error: OSError) -> UnavailableError:
    """What to tell a caller whose file could not be kept."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(
            "The disk is full; the file was not kept.",
            hint="Free some space in the data directory and send it again.",
            retry_after=60,
        )
    return UnavailableError(
        f"The file could not be kept: {error.strerror}.",
        hint="Check the data directory's permissions and disk.",
        retry_after=60,
    )


async def _received(
    path: Path, pieces: AsyncIterator[bytes], limit: int, writer: FileSealer | None
) -> tuple[str, int, bytes]:
    """Digest and size of all pieces; they are in the file but for the last, which are returned."""
    digest, size, held = hashlib.sha256(), 0, bytearray()
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLargeError(
                f"The file is larger than {limit:,} bytes.",
                hint="Split it, or raise CITEWELL_LIMITS__UPLOAD_BYTES.",
            )
        digest.update(piece)
        held += piece if writer is None else writer.update(piece)
        if len(held) >= HELD_BYTES:
            await asyncio.to_thread(_append, path, bytes(held))
            held.clear()
    return digest.hexdigest(), size, bytes(held)


def _append(path: Path, content: bytes, *, durable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        view = memoryview(content)
        while view:
            view = view[file.write(view) :]
        if durable:
            os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sealed(path: Path) -> Path:
    """The name says whether the content is sealed: it could not tell by itself."""
    return path.with_name(f"{path.name}.sealed")


def _removed(path: Path) -> bool:
    """Whether there was a file to remove; durable."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _flush(path.parent)
    return True


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(HELD_BYTES):
            yield piece


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
