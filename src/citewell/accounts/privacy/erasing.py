"""The job `erase`: rows first, so that nothing is found any more; bytes a moment later.

Between the two, whatever a cached credential still wrote in its last seconds is removed as well.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from citewell.accounts.privacy.service import refuse_only_owner
from citewell.domain.errors import ConflictError, UnavailableError
from citewell.domain.ids import ErasureId, TenantId
from citewell.domain.jobs import JobKind, Lease
from citewell.domain.privacy import Erasure, Replayed, ReplayState
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.inventory import counted
from citewell.storage.ledger import Ledger
from citewell.storage.scrubbing import scrub
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

# Longer than any process believes a credential that is gone.
SETTLE_SECONDS = 10.0
BUSY_SECONDS = 30.0
# What holds documents; large, and written anew only when some were removed.
DOCUMENT_TABLES = ("documents", "document_versions", "chunks", "embeddings")

RemoveDocuments = Callable[[Transaction, Erasure], Awaitable[list[str]]]
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Erasing:
    """Runs the job. `remove_documents` removes a person's uploads and returns their blobs.

    Raises `LeaseLostError` when somebody else has the job now.
    """

    database: Database
    blobs: BlobStore
    ledger: Ledger
    remove_documents: RemoveDocuments

    async def run(self, lease: Lease) -> None:
        """The next of the two steps; the second one ends the job."""
        async with self.database.transaction(lease.job.tenant_id) as tx:
            asked = await tx.requests.erasure(ErasureId(lease.job.subject))
        if asked.erased_at is None:
            await self._forget(lease, asked)
        else:
            await self._scrub(lease, asked)

    async def replay(self) -> Sequence[Replayed]:
        """Erase again whom the ledger knows and a database that was put back does not.

        May be repeated. On return nothing is found of them any more; a job sees to the bytes.
        """
        found = [
            await self._replay(entry) for entry in await asyncio.to_thread(self.ledger.entries)
        ]
        for one in found:
            if one.state is ReplayState.ERASED:
                log.warning("privacy.erasure_replayed", erasure=str(one.entry.id))
            elif one.state is ReplayState.REFUSED:
                log.warning("privacy.replay_refused", erasure=str(one.entry.id))
        return found

    async def _forget(self, lease: Lease, asked: Erasure) -> None:
        await asyncio.to_thread(self.ledger.append, asked)
        try:
            async with self.database.transaction(asked.tenant_id) as tx:
                await tx.jobs.hold(lease)
                await tx.people.lock_erasures()
                await refuse_only_owner(tx, asked.user_id)
                removed, blobs = await self._erase(tx, asked)
                await tx.requests.mark_erased(asked.id, removed)
        except ConflictError as error:
            async with self.database.transaction(asked.tenant_id) as tx:
                await tx.jobs.fail(lease, error.code, error.message)
            return
        # Before the job is handed back: who has no lease is stopped, in the middle of this.
        await self.blobs.delete(blobs)
        async with self.database.transaction(asked.tenant_id) as tx:
            reason = "Nothing is found any more; the bytes follow."
            await tx.jobs.retry_later(lease, "scrubbing", reason, seconds=SETTLE_SECONDS)

    async def _erase(self, tx: Transaction, asked: Erasure) -> tuple[dict[str, int], list[str]]:
        removed: Counter[str] = Counter()
        blobs: list[str] = []
        for tenant_id in await _tenants(tx, asked):
            async with tx.inside(tenant_id) as there:
                if asked.with_documents:
                    blobs += await self.remove_documents(there, asked)
                blobs += await there.people.copies(asked.user_id)
                removed.update(await there.people.erase(asked.user_id))
        removed["blobs"] = len(blobs)
        return dict(removed), blobs

    async def _scrub(self, lease: Lease, asked: Erasure) -> None:
        async with self.database.transaction(asked.tenant_id) as tx:
            await tx.jobs.hold(lease)
            late, blobs = await self._erase(tx, asked)
        await self.blobs.delete(blobs)
        tables = [one.name for one in counted() if one.name not in DOCUMENT_TABLES]
        if asked.with_documents:
            tables += DOCUMENT_TABLES
        try:
            turned = await scrub(self.database, tables)
        except UnavailableError as error:
            async with self.database.transaction(asked.tenant_id) as tx:
                await tx.jobs.retry_later(lease, "busy", error.message, seconds=BUSY_SECONDS)
            return
        log.info("privacy.scrubbed", erasure=str(asked.id), log_turned=turned)
        removed = Counter(asked.removed) + Counter(late)
        async with self.database.transaction(asked.tenant_id) as tx:
            await tx.requests.mark_scrubbed(asked.id, removed)
            await tx.jobs.finish(lease)

    async def _replay(self, entry: Erasure) -> Replayed:
        async with self.database.installation() as whole:
            # An older backup need not know the tenant; then it holds nothing of it either.
            if entry.tenant_id not in await whole.tenants.every():
                return Replayed(entry, ReplayState.NO_TENANT)
        try:
            async with self.database.transaction(entry.tenant_id) as tx:
                await tx.people.lock_erasures()
                if not await tx.requests.add_erasure(entry):
                    return Replayed(entry, ReplayState.KNOWN)
                await refuse_only_owner(tx, entry.user_id)
                removed, blobs = await self._erase(tx, entry)
                await tx.requests.mark_erased(entry.id, removed)
                await tx.jobs.enqueue(JobKind.ERASE, entry.id, priority=1, seconds=SETTLE_SECONDS)
                told = {"erasure": str(entry.id)}
                await tx.audit.record(None, "privacy.replay", str(entry.user_id), details=told)
        except ConflictError as error:
            reason = f"{error.message} {error.hint}"
            return Replayed(entry, ReplayState.REFUSED, reason=reason)
        await self.blobs.delete(blobs)
        return Replayed(entry, ReplayState.ERASED, removed)


async def _tenants(tx: Transaction, asked: Erasure) -> Sequence[TenantId]:
    """The tenant itself comes last: with the account there, every membership ends."""
    if not asked.everywhere:
        return [asked.tenant_id]
    async with tx.installation() as whole:
        every = await whole.tenants.every()
    return [one for one in every if one != asked.tenant_id] + [asked.tenant_id]
