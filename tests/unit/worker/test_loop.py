"""A worker at work: it stops what it has lost, and hands back what it has not finished."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

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
from citewell.storage.repositories.system import LEASE_SECONDS
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


@dataclass(slots=True)
class Together:
    """Work on several jobs that never ends by itself, or breaks at once."""

    leases: list[Lease] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False
    breaks: bool = False

    async def run(self, leases: Sequence[Lease]) -> list[Lease]:
        self.leases += sorted(leases, key=lambda lease: lease.job.id)
        self.began.set()
        if self.breaks:
            raise ArithmeticError
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return []


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


@pytest.fixture
def short_texts(monkeypatch: pytest.MonkeyPatch) -> Together:
    together = Together()
    monkeypatch.setattr("citewell.worker.loop.ShortTexts", lambda _: together)
    return together


async def enqueue_short(database: Database, tenant: TenantId) -> UUID:
    subject = await enqueue(database, tenant)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET short = true"))
    return subject


async def test_one_that_is_cancelled_leaves_those_that_go_with_it_at_work(
    worker: Worker, short_texts: Together, database: Database, tenant: TenantId
) -> None:
    subjects = [await enqueue_short(database, tenant) for _ in range(3)]
    stop = asyncio.Event()

    async def beaten() -> bool:
        async with database.engine.begin() as connection:
            extended = await connection.execute(
                text("SELECT count(*) FROM jobs WHERE lease_until > started_at + :s"),
                {"s": timedelta(seconds=LEASE_SECONDS, milliseconds=200)},
            )
            return int(extended.scalar_one()) >= 2

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run(stop))
        await short_texts.began.wait()
        first = await latest(database, tenant, subjects[0])
        async with database.transaction(tenant) as tx:
            await tx.jobs.cancel(first.id)
        await until(beaten)
        assert not short_texts.cancelled
        for subject in subjects[1:]:
            job = await latest(database, tenant, subject)
            async with database.transaction(tenant) as tx:
                await tx.jobs.cancel(job.id)

        async def cancelled() -> bool:
            return short_texts.cancelled

        await until(cancelled)
        stop.set()
        await running
    assert len(short_texts.leases) == 3


async def test_what_breaks_together_is_done_one_by_one(
    worker: Worker, short_texts: Together, work: Endless, database: Database, tenant: TenantId
) -> None:
    short_texts.breaks = True
    subjects = [await enqueue_short(database, tenant) for _ in range(2)]
    stop = asyncio.Event()

    async def began() -> bool:
        return bool(work.began)

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        running = group.create_task(worker.run(stop))
        await until(began)
        assert [lease.job.subject for lease in short_texts.leases] == subjects
        assert [lease.job.subject for lease in work.began] == subjects[:1]
        stop.set()
        await running
    assert {(await latest(database, tenant, one)).state for one in subjects} == {JobState.QUEUED}
