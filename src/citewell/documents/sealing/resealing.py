"""Everything of a tenant sealed anew: with its first key, or with the one that follows it."""

import asyncio
from dataclasses import dataclass

from citewell.domain.jobs import Lease
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repositories.sealing.data_keys import KeyState, RingKey
from citewell.storage.repositories.sealing.sealed import STORES, Position
from citewell.storage.transaction import Transaction
from citewell.storage.vault import KNOWN_SECONDS, SETTLED_SECONDS

BLOBS_AT_ONCE = 20


@dataclass(slots=True)
class _Progress:
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Resealing:
    """Runs the job `reseal`, while everything is read and written.

    A batch that is committed is not done again after a kill. Raises `LeaseLostError` when somebody
    else has the job now.
    """

    database: Database
    blobs: BlobStore
    known_seconds: float = KNOWN_SECONDS
    settled_seconds: float = SETTLED_SECONDS

    async def run(self, lease: Lease) -> None:
        """Make the key the one that seals, seal everything with it, and retire those before it."""
        tenant_id = lease.job.tenant_id
        key = await self._key(lease)
        if key is None or await self._wait(lease, key):
            return
        async with self.database.transaction(tenant_id) as tx:
            counts = [await tx.sealed.counts(store) for store in STORES]
            progress = _Progress(sum(done for done, _ in counts), sum(all_ for _, all_ in counts))
        # What was written by somebody who did not know the key yet is found by another round.
        while await self._round(lease, progress):
            continue
        async with self.database.transaction(tenant_id) as tx:
            await tx.jobs.hold(lease)
            erased = await tx.sealed.keys.complete(key.id)
            told = {"erased": [str(one) for one in erased]}
            await tx.audit.record(None, "encryption.complete", str(key.id), details=told)
            await tx.jobs.finish(lease)

    async def _key(self, lease: Lease) -> RingKey | None:
        """The key of the job; None when it is no more, and then the job is done."""
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            for key in await tx.sealed.keys.ring():
                if key.id == lease.job.subject and key.stored is not None:
                    return key
            await tx.jobs.finish(lease)
            return None

    async def _wait(self, lease: Lease, key: RingKey) -> bool:
        """Whether it is too early; the job is in the queue again then."""
        incoming = key.state is KeyState.INCOMING
        left = (self.known_seconds if incoming else self.settled_seconds) - key.waiting_seconds
        if not incoming and left <= 0:
            return False
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            if left <= 0:
                await tx.sealed.keys.promote(key.id)
                left = self.settled_seconds
            await tx.jobs.retry_later(
                lease, "waiting", "It waits until every process knows the key.", seconds=left
            )
        return True

    async def _round(self, lease: Lease, progress: _Progress) -> int:
        """Everything once; how much there was to seal."""
        sealed = await self._files(lease)
        for store in STORES:
            position: Position | None = None
            while True:
                async with self.database.transaction(lease.job.tenant_id) as tx:
                    await tx.jobs.hold(lease)
                    position, count = await tx.sealed.reseal(store, position)
                    sealed += count
                    await self._say(tx, lease, progress, count)
                if position is None:
                    break
        return sealed

    async def _say(self, tx: Transaction, lease: Lease, progress: _Progress, count: int) -> None:
        progress.done += count
        progress.total = max(progress.total, progress.done)
        await tx.jobs.progress(lease, done=progress.done, total=progress.total)

    async def _files(self, lease: Lease) -> int:
        sealed, after = 0, None
        seal = await self.database.seal(lease.job.tenant_id)
        while True:
            async with self.database.transaction(lease.job.tenant_id) as tx:
                await tx.jobs.hold(lease)
                batch = await tx.sealed.blobs(after, BLOBS_AT_ONCE)
            if not batch:
                return sealed
            for _, key in batch:
                sealed += await asyncio.to_thread(self.blobs.reseal, key, seal)
            after = batch[-1][0]
