"""A worker at work: it stops what it has lost, and hands back what it has not finished."""

import asyncio
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import pytest

from citewell.accounts.privacy.erasing import Erasing
from citewell.accounts.privacy.exporting import Exporting
from citewell.accounts.privacy.retention import Retention
from citewell.documents.ingest import Ingestion
from citewell.documents.removal import Removal
from citewell.documents.sealing.resealing import Resealing
from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobState, Lease
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.worker.loop import AT_ONCE, Worker
from tests.unit.worker.conftest import PATIENCE_SECONDS, enqueue, latest, until


@dataclass(slots=True)
class Endless:
    """Work that never ends by itself; tells when it began and when it was cancelled."""

    began: list[Lease] = field(default_factory=list)
    cancelled: list[Lease] = field(default_factory=list)

    async def run(self, lease: Lease) -> None:
        self.began.append(lease)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(lease)
            raise

    async def sweep(self) -> int:
        return 0


@pytest.fixture
def work() -> Endless:
    return Endless()


@pytest.fixture
def worker(database: Database, work: Endless, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr("citewell.worker.loop.HEARTBEAT_SECONDS", 0.1)
    return Worker(
        uuid4(),
        database,
        Notifications(database.url),
        cast("Ingestion", work),
        cast("Removal", work),
        cast("Exporting", work),
        cast("Erasing", work),
        cast("Retention", work),
        cast("Resealing", work),
    )


async def test_a_lease_that_is_lost_cancels_its_work_and_nothing_else(
    worker: Worker, work: Endless, database: Database, tenant: TenantId
) -> None:
    lost, kept = await enqueue(database, tenant), await enqueue(database, tenant)
    stop = asyncio.Event()

    async def began() -> bool:
        return len(work.began) == 2

    async def cancelled() -> bool:
        return bool(work.cancelled)

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run(stop))
        await until(began)
        job = await latest(database, tenant, lost)
        async with database.transaction(tenant) as tx:
            await tx.jobs.cancel(job.id)
        await until(cancelled)
        assert [lease.job.subject for lease in work.cancelled] == [lost]
        stop.set()
        await running
    assert (await latest(database, tenant, lost)).state is JobState.CANCELLED
    assert (await latest(database, tenant, kept)).state is JobState.QUEUED


async def test_a_worker_that_is_stopped_hands_back_all_it_holds_without_blame(
    worker: Worker, work: Endless, database: Database, tenant: TenantId
) -> None:
    subjects = [await enqueue(database, tenant) for _ in range(AT_ONCE + 2)]
    stop = asyncio.Event()

    async def full() -> bool:
        return len(work.began) == AT_ONCE

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run(stop))
        await until(full)
        stop.set()
        await running
    jobs = [await latest(database, tenant, subject) for subject in subjects]
    assert {(job.state, job.attempts) for job in jobs} == {(JobState.QUEUED, 0)}
    assert len(work.cancelled) == AT_ONCE
