"""Jobs in a real database, as workers and their supervisor see them."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from citewell.domain.ids import TenantId, new_id
from citewell.domain.jobs import Job, JobKind
from citewell.storage.database import Database

PATIENCE_SECONDS = 20.0


async def enqueue(database: Database, tenant: TenantId) -> UUID:
    subject = new_id()
    async with database.transaction(tenant) as tx:
        await tx.jobs.enqueue(JobKind.INGEST, subject)
    return subject


async def latest(database: Database, tenant: TenantId, subject: UUID) -> Job:
    async with database.transaction(tenant) as tx:
        job = await tx.jobs.latest_of(subject)
    assert job is not None
    return job


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await met():  # noqa: ASYNC110  # The database has no event to wait for.
            await asyncio.sleep(0.02)
