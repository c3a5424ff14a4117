"""A worker: claims jobs, keeps their leases alive, and writes only while it has them.

A wake-up is a hint: with every one of them lost, a poll still finishes the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never
from uuid import UUID

from citewell.accounts.privacy.erasing import Erasing
from citewell.accounts.privacy.exporting import Exporting
from citewell.accounts.privacy.retention import Retention
from citewell.documents.ingest import Ingestion, mark_failed
from citewell.documents.removal import Removal
from citewell.documents.sealing.resealing import Resealing
from citewell.documents.short_texts import ShortTexts
from citewell.domain.documents import FailureCode
from citewell.domain.errors import LeaseLostError, UnavailableError
from citewell.domain.ids import VersionId
from citewell.domain.jobs import JobKind, Lease
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications, Subscription
from citewell.storage.repositories.jobs import JOBS_TOPIC
from citewell.telemetry.logs import logger

AT_ONCE = 4
TOGETHER = 16
POLL_SECONDS = 5.0
HEARTBEAT_SECONDS = 5.0
SWEEP_SECONDS = 600.0
DRAIN_SECONDS = 10.0
BACKOFF_SECONDS = 1.0

log = logger(__name__)


@dataclass(slots=True)
class Worker:
    """Runs up to `AT_ONCE` claims: while one waits for the disk, another embeds.

    A claim is one job, or up to `TOGETHER` about short texts.
    """

    id: UUID
    database: Database
    notifications: Notifications
    ingestion: Ingestion
    removal: Removal
    exporting: Exporting
    erasing: Erasing
    retention: Retention
    resealing: Resealing
    _busy: dict[asyncio.Task[None], Sequence[Lease]] = field(default_factory=dict)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, then hand back what is not finished without spending an attempt."""
        async with (
            self.notifications.subscribe(JOBS_TOPIC) as subscription,
            asyncio.TaskGroup() as group,
        ):
            keepers = [
                group.create_task(self._every(HEARTBEAT_SECONDS, self._beat)),
                group.create_task(self._every(POLL_SECONDS, self._reap)),
                group.create_task(self._every(SWEEP_SECONDS, self._sweep)),
            ]
            waker = group.create_task(self._wake(subscription))
            while not stop.is_set():
                await self._fill(group)
                await self._pause(stop)
            for keeper in [*keepers, waker, *self._busy]:
                keeper.cancel()
        await self._hand_back()

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        """Claim until there is nothing to claim or nobody free."""
        while len(self._busy) < AT_ONCE:
            try:
                async with self.database.system() as system:
                    leases = await system.claim(self.id, most=TOGETHER)
            except UnavailableError:
                log.warning("worker.waiting_for_database")
                await asyncio.sleep(BACKOFF_SECONDS)
                return
            if not leases:
                return
            task = group.create_task(self._claimed(leases), name=f"job {leases[0].job.id}")
            self._busy[task] = leases
            task.add_done_callback(self._done)

    async def _pause(self, stop: asyncio.Event) -> None:
        """Until somebody is free again, a wake-up, a stop, or the poll."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                while not stop.is_set() and not self._freed.is_set():
                    # Both events are set from this loop; the short look keeps the stop prompt.
                    try:
                        async with asyncio.timeout(0.25):
                            await self._freed.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            return
        finally:
            self._freed.clear()

    async def _wake(self, subscription: Subscription) -> None:
        while True:
            await subscription.next(seconds=POLL_SECONDS)
            self._freed.set()

    async def _claimed(self, leases: Sequence[Lease]) -> None:
        """Every job of a claim to its end: together where that can be, else one by one."""
        alone = await self._together(leases) if leases[0].fresh else leases
        for lease in alone:
            await self._job(lease)

    async def _together(self, leases: Sequence[Lease]) -> Sequence[Lease]:
        """Returns those that are left to be read alone; what happens here ends no worker."""
        try:
            alone = await ShortTexts(self.ingestion).run(leases)
        except UnavailableError:
            # Their leases run out by themselves; nothing of them can be written now anyway.
            log.warning("jobs.database_away", jobs=len(leases))
            return ()
        except Exception:  # The outermost loop of a job: which of them it was shows alone.
            log.exception("jobs.failed_together", jobs=len(leases))
            return leases
        log.info("jobs.done_together", jobs=len(leases) - len(alone))
        return alone

    async def _job(self, lease: Lease) -> None:
        """One job to its end; what happens to it never ends the worker."""
        job = lease.job
        log.info("job.started", job=str(job.id), kind=job.kind.value, attempt=job.attempts)
        try:
            await self._do(lease)
        except LeaseLostError:
            log.warning("job.lease_lost", job=str(job.id))
        except UnavailableError:
            # Its lease runs out by itself; nothing of it can be written now anyway.
            log.warning("job.database_away", job=str(job.id))
        except Exception:  # The outermost loop of a job.
            log.exception("job.failed", job=str(job.id))
            await self._fail(lease)
        else:
            log.info("job.done", job=str(job.id))

    async def _fail(self, lease: Lease) -> None:
        reason = "Something went wrong while reading it; the server's log says what."
        try:
            async with self.database.transaction(lease.job.tenant_id) as tx:
                await tx.jobs.fail(lease, FailureCode.INTERNAL, reason)
                if lease.job.kind is JobKind.INGEST:
                    version = VersionId(lease.job.subject)
                    await mark_failed(tx, version, FailureCode.INTERNAL, reason)
        except (LeaseLostError, UnavailableError):
            log.warning("job.failure_not_stored", job=str(lease.job.id))

    async def _do(self, lease: Lease) -> None:
        match lease.job.kind:
            case JobKind.INGEST:
                await self.ingestion.run(lease)
            case JobKind.PURGE:
                await self.removal.run(lease)
            case JobKind.EXPORT:
                await self.exporting.run(lease)
            case JobKind.ERASE:
                await self.erasing.run(lease)
            case JobKind.RESEAL:
                await self.resealing.run(lease)
            case _:
                assert_never(lease.job.kind)

    async def _beat(self) -> None:
        busy = list(self._busy.items())
        if not busy:
            return
        async with self.database.system() as system:
            lost = await system.heartbeat([lease for _, leases in busy for lease in leases])
        for task, leases in busy:
            gone = [lease.job.id for lease in leases if lease.job.id in lost]
            for job_id in gone:
                log.warning("job.lease_lost", job=str(job_id))
            # The others of a claim go on: each write is refused for those that are lost.
            if len(gone) == len(leases):
                task.cancel()

    async def _reap(self) -> None:
        async with self.database.system() as system:
            poisoned = await system.reap()
        for tenant_id, subject, kind in poisoned:
            log.error("job.poison", subject=str(subject))
            if kind == JobKind.INGEST.value:
                async with self.database.transaction(tenant_id) as tx:
                    await mark_failed(
                        tx,
                        VersionId(subject),
                        FailureCode.POISON,
                        "It ended the process that read it, each time it was tried.",
                    )

    async def _sweep(self) -> None:
        removed = await self.removal.sweep()
        if removed:
            log.info("blobs.swept", files=removed)
        await self.retention.sweep()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except UnavailableError:
                log.warning("worker.waiting_for_database")
            await asyncio.sleep(seconds)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.pop(task, None)
        self._freed.set()

    async def _hand_back(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS), self.database.system() as system:
                returned = await system.release(self.id)
            log.info("worker.drained", jobs=returned)
        except (UnavailableError, TimeoutError):
            log.warning("worker.drain_failed")
