"""A deletion: out of every search at once; rows and bytes follow by a job."""

import asyncio
import time
from dataclasses import dataclass

from citewell.domain.documents import Receipt
from citewell.domain.ids import DocumentId
from citewell.domain.jobs import JobKind, Lease
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import Erasure
from citewell.storage.blobs import TEMPORARY_SECONDS, BlobStore
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.transaction import Transaction


async def take_out(tx: Transaction, principal: Principal, document_id: DocumentId) -> Receipt:
    """Out of every search with this transaction, and the job `purge` queued."""
    # Jobs before documents, as workers hold them; a version that somebody adds in between finds its
    # document gone, and its job ends by itself.
    version_id = (await tx.documents.get(document_id)).version_id
    if version_id is not None:
        await tx.jobs.cancel_all_of([version_id])
    document = await tx.documents.lock(document_id)
    removed = await tx.chunks.counts(document_id)
    shown = await tx.documents.tombstone(document_id)
    if shown is not None:
        await tx.collections.publish(document.collection_id, ChangeKind.REMOVE, document_id, shown)
    await tx.jobs.enqueue(JobKind.PURGE, document_id, priority=1)
    await tx.audit.record(principal.user_id, "document.delete", str(document_id), details=removed)
    return Receipt(document_id, removed, searchable=False, deleted_at=await tx.now())


async def remove_uploads(tx: Transaction, asked: Erasure) -> list[str]:
    """Remove, rows and all, what only this person brought; returns blobs that nobody needs."""
    by = Principal(tx.tenant_id, asked.requested_by, Role.OWNER, frozenset(Scope))
    keys: list[str] = []
    for document_id in await tx.people.uploads(asked.user_id):
        await take_out(tx, by, document_id)
        keys += await tx.documents.purge(document_id)
    return keys


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
