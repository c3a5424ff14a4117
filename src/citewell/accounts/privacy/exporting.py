"""The job `export`: one ZIP with all that is stored about a person in a tenant.

`data/<table>.json` holds the rows, `uploads/` the files that the person brought, and
`manifest.json` says how many rows each file has and its SHA-256.
"""

import asyncio
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any
from uuid import UUID

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import ExportId, UserId
from citewell.domain.jobs import Lease
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.inventory import HOLDINGS, Holding
from citewell.storage.sealing.seal import Seal
from citewell.storage.transaction import Transaction

PIECE = 1 << 20
# A copy may hold many files, each within the limit of an upload.
MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class Exporting:
    """Runs the job. Raises `LeaseLostError` when somebody else has it now."""

    database: Database
    blobs: BlobStore

    async def run(self, lease: Lease) -> None:
        """Write the copy, then say in one transaction that it is there."""
        export_id = ExportId(lease.job.subject)
        sealing = partial(self.database.seal, lease.job.tenant_id)
        with _scratch(sealed=self.database.vault.open) as file:
            try:
                async with self.database.transaction(lease.job.tenant_id) as tx:
                    asked = await tx.requests.export(export_id)
                    await self._write(tx, asked.user_id, file)
            except NotFoundError:
                # Its person was erased meanwhile, and this request with them.
                await self._finish(lease)
                return
            blob = await self.blobs.put(_pieces(file), limit=MOST_BYTES, sealing=sealing)
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            kept = await tx.requests.keep_export(export_id, blob)
            await tx.jobs.finish(lease)
        if not kept:
            await self.blobs.delete([blob.key])

    async def _finish(self, lease: Lease) -> None:
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.finish(lease)

    async def _write(self, tx: Transaction, person: UserId, file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            manifest = Manifest(person)
            for held in HOLDINGS:
                await _write_table(tx, held, person, archive, manifest)
            for key, filename in await tx.people.originals(person):
                name = f"uploads/{key}/{_safe(filename)}"
                digest = await asyncio.to_thread(
                    _write_file, archive, name, self.blobs, key, tx.seal
                )
                manifest.files[name] = {"sha256": digest}
            archive.writestr("manifest.json", manifest.text())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds."""

    person: UserId
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self) -> str:
        """As JSON."""
        said = {
            "person": str(self.person),
            "made_at": datetime.now(UTC).isoformat(),
            "files": self.files,
        }
        return json.dumps(said, indent=1)


async def _write_table(
    tx: Transaction,
    held: Holding,
    person: UserId,
    archive: zipfile.ZipFile,
    manifest: Manifest,
) -> None:
    name, count, digest = f"data/{held.table.name}.json", 0, hashlib.sha256()
    with archive.open(name, "w") as entry:

        def write(piece: bytes) -> None:
            digest.update(piece)
            entry.write(piece)

        write(b"[")
        async for rows in tx.people.rows(held, person):
            texts = [json.dumps(_plain(row), ensure_ascii=False) for row in rows]
            joined = ("," if count else "") + ",\n".join(texts)
            await asyncio.to_thread(write, joined.encode("utf-8", "replace"))
            count += len(rows)
        write(b"]\n")
    manifest.files[name] = {"rows": count, "sha256": digest.hexdigest()}


def _scratch(*, sealed: bool) -> IO[bytes]:
    """Somewhere to make a copy, which no disk sees when what it holds is sealed."""
    if sealed:
        return os.fdopen(os.memfd_create("copy", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile()


def _write_file(archive: zipfile.ZipFile, name: str, blobs: BlobStore, key: str, seal: Seal) -> str:
    digest = hashlib.sha256()
    with archive.open(name, "w") as entry:
        for piece in blobs.pieces(key, seal):
            digest.update(piece)
            entry.write(piece)
    return digest.hexdigest()


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _safe(filename: str) -> str:
    """The last step of the name, as no archive can lead out of its folder with it."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return last if last not in {"", ".", ".."} else "file"


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := await asyncio.to_thread(file.read, PIECE):
        yield piece
