"""Blobs: all of a file or nothing of it, whatever happens on the way."""

import asyncio
import errno
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from citewell.domain.errors import TooLargeError, UnavailableError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.storage.blobs import HELD_BYTES, TEMPORARY_SECONDS, BlobStore, disk_error
from citewell.storage.sealing.seal import Seal

PIECE = b"x" * 1000


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def plainly() -> Seal:
    return Seal(DEFAULT_TENANT)


def files(store: BlobStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


async def test_a_blob_is_what_was_sent(blobs: BlobStore) -> None:
    stored = await blobs.put(pieces(b"one ", b"", b"two"), limit=100, sealing=plainly)
    path = blobs.path(stored.key)
    assert path.read_bytes() == b"one two"
    assert stored.size == 7
    assert stored.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert files(blobs) == [path]


async def test_an_empty_file_is_a_blob_too(blobs: BlobStore) -> None:
    stored = await blobs.put(pieces(), limit=100, sealing=plainly)
    assert blobs.path(stored.key).read_bytes() == b""


async def test_a_file_of_exactly_the_limit_is_kept_and_one_byte_more_leaves_nothing(
    blobs: BlobStore,
) -> None:
    kept = await blobs.put(pieces(PIECE), limit=len(PIECE), sealing=plainly)
    with pytest.raises(TooLargeError, match="1,000 bytes"):
        await blobs.put(pieces(PIECE, b"y"), limit=len(PIECE), sealing=plainly)
    assert files(blobs) == [blobs.path(kept.key)]


async def test_an_upload_that_breaks_off_leaves_nothing(blobs: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PIECE
        raise ConnectionResetError("the client went away")

    with pytest.raises(UnavailableError):
        await blobs.put(broken(), limit=10**6, sealing=plainly)
    assert files(blobs) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(blobs: BlobStore) -> None:
    reached = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield PIECE * (HELD_BYTES // len(PIECE) + 1)
        reached.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        upload = group.create_task(blobs.put(stalled(), limit=10**6, sealing=plainly))
        await reached.wait()
        assert [path.parent.name for path in files(blobs)] == ["incoming"]
        upload.cancel()
    assert upload.cancelled()
    assert files(blobs) == []


async def test_concurrent_uploads_do_not_meet(blobs: BlobStore) -> None:
    contents = [uuid4().bytes * 5000 for _ in range(16)]
    stored = await asyncio.gather(
        *(blobs.put(pieces(one, one), limit=10**6, sealing=plainly) for one in contents)
    )
    for one, content in zip(stored, contents, strict=True):
        assert blobs.path(one.key).read_bytes() == content * 2
    assert len(files(blobs)) == len(contents)


UPLOAD = """
import asyncio, resource, signal, sys
from pathlib import Path
from citewell.domain.errors import UnavailableError
from uuid import UUID
from citewell.domain.ids import TenantId
from citewell.storage.blobs import BlobStore
from citewell.storage.sealing.seal import Seal
async def plainly():
    return Seal(TenantId(UUID(int=1)))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

async def pieces():
    for _ in range(100):
        yield b"x" * 10_000

try:
    asyncio.run(BlobStore(Path(sys.argv[1])).put(pieces(), limit=10**9, sealing=plainly))
except UnavailableError as error:
    print(error.message, error.hint)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_and_says_what_to_do(blobs: BlobStore) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD, str(blobs.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "could not be kept" in done.stdout
    assert "disk" in done.stdout
    assert files(blobs) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(number: int) -> None:
    said = disk_error(OSError(number, "no room"))
    assert "disk is full" in said.message
    assert said.retryable
    assert said.retry_after == 60


async def test_deleting_twice_is_no_error(blobs: BlobStore) -> None:
    stored = await blobs.put(pieces(PIECE), limit=10**6, sealing=plainly)
    await blobs.delete([stored.key])
    await blobs.delete([stored.key])
    assert files(blobs) == []


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "0" * 31, "g" * 32, "0" * 32 + "/x"])
def test_what_is_no_key_is_no_path(blobs: BlobStore, key: str) -> None:
    with pytest.raises(ValueError, match=r"badly formed|invalid literal"):
        blobs.path(key)


async def test_orphans_are_old_files_that_nobody_names(blobs: BlobStore) -> None:
    known = await blobs.put(pieces(PIECE), limit=10**6, sealing=plainly)
    lost = await blobs.put(pieces(PIECE), limit=10**6, sealing=plainly)
    left_over = blobs.folder / "incoming" / uuid4().hex
    left_over.write_bytes(b"half a file")
    foreign = blobs.folder / "README"
    foreign.write_text("not ours")
    written = blobs.path(lost.key).stat().st_mtime

    def orphans(age: float) -> set[Path]:
        now = written + age
        found = blobs.orphans({known.key}, older_than_seconds=TEMPORARY_SECONDS, now=now)
        return set(found)

    assert orphans(TEMPORARY_SECONDS - 60) == set()
    assert orphans(TEMPORARY_SECONDS + 60) == {blobs.path(lost.key), left_over}


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from citewell.domain.ids import TenantId
from citewell.storage.blobs import BlobStore
from citewell.storage.sealing.seal import Seal
async def plainly():
    return Seal(TenantId(UUID(int=1)))

async def pieces():
    yield b"x" * 300_000
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(BlobStore(Path(sys.argv[1])).put(pieces(), limit=10**9, sealing=plainly))
"""


async def test_a_process_killed_while_writing_leaves_a_file_that_is_swept(blobs: BlobStore) -> None:
    command = [sys.executable, "-c", KILLED, str(blobs.folder)]
    done = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
    assert done.returncode == -9
    (left_over,) = files(blobs)
    assert left_over.parent.name == "incoming"
    later = left_over.stat().st_mtime + TEMPORARY_SECONDS + 1
    assert blobs.orphans(set(), older_than_seconds=TEMPORARY_SECONDS, now=later) == [left_over]
