"""What follows a deletion: rows and bytes of a document that is out of every search already."""

import asyncio
import time
from dataclasses import dataclass

from citewell.domain.ids import DocumentId
from citewell.domain.jobs import Lease
from citewell.storage.blobs import TEMPORARY_SECONDS, BlobStore
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class Removal:
    """Runs the job `purge`. Raises `LeaseLostError` when somebody else has the job now."""

    database: Database
    blobs: BlobStore

    async def run(self, lease: Lease) -> None:
        """Remove rows, then bytes; a blob that a crash leaves behind is swept later."""
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            keys = await tx.documents.purge(DocumentId(lease.job.subject))
            await tx.jobs.finish(lease)
        await self.blobs.delete(keys)

    async def sweep(self, *, older_than_seconds: float = TEMPORARY_SECONDS) -> int:
        """Remove files that no row refers to; returns how many.

        A younger file may belong to an upload whose rows are about to commit.
        """
        async with self.database.system() as system:
            known = await system.blob_keys()
        found = await asyncio.to_thread(
            self.blobs.orphans, known, older_than_seconds=older_than_seconds, now=time.time()
        )
        for path in found:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return len(found)
