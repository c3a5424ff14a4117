"""Jobs under a lease: one worker at a time, and no write by one that has lost it."""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from citewell.domain.errors import ConflictError, LeaseLostError
from citewell.domain.ids import JobId, TenantId, new_id
from citewell.domain.jobs import Job, JobKind, JobState, Lease
from citewell.storage.database import Database
from citewell.storage.repositories.jobs import JobRepository
from citewell.storage.repositories.system import LEASE_SECONDS
from citewell.storage.transaction import Transaction
from tests.unit.storage.rows import execute, waits_for_a_lock

FencedWrite = Callable[[JobRepository, Lease], Awaitable[object]]

# Every method that writes under a lease.
FENCED: dict[str, FencedWrite] = {
    "hold": lambda jobs, lease: jobs.hold(lease),
    "progress": lambda jobs, lease: jobs.progress(lease, done=9, total=9),
    "finish": lambda jobs, lease: jobs.finish(lease),
    "fail": lambda jobs, lease: jobs.fail(lease, "code", "reason"),
    "retry_later": lambda jobs, lease: jobs.retry_later(lease, "code", "reason", seconds=1),
    "crashed": lambda jobs, lease: jobs.crashed(lease),
}


async def enqueue(database: Database, tenant: TenantId, *, priority: int = 0) -> JobId:
    async with database.transaction(tenant) as tx:
        return await tx.jobs.enqueue(JobKind.INGEST, new_id(), priority=priority)


async def claim(database: Database) -> Lease | None:
    async with database.system() as system:
        leases = await system.claim(uuid4())
    return leases[0] if leases else None


async def leased(database: Database, tenant: TenantId) -> Lease:
    await enqueue(database, tenant)
    lease = await claim(database)
    assert lease is not None
    return lease


async def job_of(database: Database, lease: Lease) -> Job:
    async with database.transaction(lease.job.tenant_id) as tx:
        return await tx.jobs.get(lease.job.id)


async def expire(database: Database, lease: Lease) -> None:
    """As if the worker had been frozen for longer than its lease."""
    await execute(
        database,
        "UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = :id",
        id=lease.job.id,
    )


async def test_a_claimed_job_is_leased_for_the_stated_time(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)
    async with database.transaction(tenant) as tx:
        job, now = await tx.jobs.get(lease.job.id), await tx.now()
    assert (job.state, job.attempts) == (JobState.LEASED, 1)
    assert 0 < (lease.until - now).total_seconds() <= LEASE_SECONDS
    assert await claim(database) is None


async def test_sixteen_workers_never_get_the_same_job(database: Database, tenant: TenantId) -> None:
    jobs = {await enqueue(database, tenant) for _ in range(60)}

    async def worker() -> list[JobId]:
        mine: list[JobId] = []
        while (lease := await claim(database)) is not None:
            mine.append(lease.job.id)
        return mine

    claimed = [job for mine in await asyncio.gather(*(worker() for _ in range(16))) for job in mine]
    assert len(claimed) == len(set(claimed))
    # A worker that finds every row locked goes home; whoever comes next finds the rest.
    claimed += await worker()
    assert set(claimed) == jobs


async def test_jobs_are_claimed_by_priority_and_then_in_turn_between_tenants(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    crowd = [await enqueue(database, tenant) for _ in range(4)]
    guest = [await enqueue(database, other_tenant) for _ in range(2)]
    urgent = await enqueue(database, tenant, priority=1)
    order = [lease.job.id for _ in range(7) if (lease := await claim(database)) is not None]
    # The urgent one keeps a worker of its tenant busy, so the guest is next, and then in turn.
    assert order == [urgent, guest[0], crowd[0], guest[1], *crowd[1:]]


async def test_a_heartbeat_extends_the_lease(database: Database, tenant: TenantId) -> None:
    lease = await leased(database, tenant)
    await execute(
        database,
        "UPDATE jobs SET lease_until = now() + interval '1 second' WHERE id = :id",
        id=lease.job.id,
    )
    async with database.system() as system:
        assert await system.heartbeat([lease]) == set()
    await execute(database, "SELECT 1")
    async with database.engine.begin() as owner:
        left = await owner.exec_driver_sql(
            "SELECT extract(epoch FROM lease_until - now()) FROM jobs"
        )
        assert left.scalar_one() > LEASE_SECONDS - 2


async def test_a_job_that_has_just_ended_has_not_lost_its_lease(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)
    async with database.transaction(tenant) as tx:
        await tx.jobs.finish(lease)
    async with database.system() as system:
        assert await system.heartbeat([lease]) == set()


async def test_a_job_that_ends_while_its_heartbeat_waits_has_not_lost_its_lease(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)

    async def beat() -> set[JobId]:
        async with database.system() as system:
            return await system.heartbeat([lease])

    async with database.transaction(tenant) as tx:
        await tx.jobs.finish(lease)
        beating = asyncio.ensure_future(beat())
        await waits_for_a_lock(database)
    async with asyncio.timeout(10):
        assert await beating == set()


async def test_a_heartbeat_says_when_the_lease_is_lost(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)
    await expire(database, lease)
    async with database.system() as system:
        assert await system.heartbeat([lease]) == {lease.job.id}


async def test_a_worker_with_a_lease_can_write_in_every_way(
    database: Database, tenant: TenantId
) -> None:
    for write in FENCED.values():
        lease = await leased(database, tenant)
        async with database.transaction(tenant) as tx:
            await write(tx.jobs, lease)


@pytest.mark.parametrize("how", ["expired", "taken over", "cancelled", "finished"])
async def test_a_zombie_cannot_write_in_any_way(
    database: Database, tenant: TenantId, how: str
) -> None:
    zombie = await leased(database, tenant)
    await lose(database, zombie, how)
    before = await job_of(database, zombie)
    for name, write in FENCED.items():
        with pytest.raises(LeaseLostError):
            async with database.transaction(tenant) as tx:
                await write(tx.jobs, zombie)
        assert await job_of(database, zombie) == before, name


async def test_no_method_that_takes_a_lease_is_left_out() -> None:
    fenced = {
        name
        for name, method in inspect.getmembers(JobRepository, inspect.isfunction)
        if "lease" in inspect.signature(method).parameters and not name.startswith("_")
    }
    assert fenced == set(FENCED)


async def lose(database: Database, lease: Lease, how: str) -> None:
    if how in {"expired", "taken over"}:
        await expire(database, lease)
    if how == "taken over":
        async with database.system() as system:
            await system.reap()
        assert await claim(database) is not None
    async with database.transaction(lease.job.tenant_id) as tx:
        if how == "cancelled":
            await tx.jobs.cancel(lease.job.id)
        if how == "finished":
            await tx.jobs.finish(lease)


async def test_the_reaper_waits_for_a_worker_that_is_committing(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)
    async with database.transaction(tenant) as tx:
        await tx.jobs.hold(lease)
        # The lease runs out while the worker holds the row; nobody else may have it now.
        await tx.connection.exec_driver_sql("UPDATE jobs SET lease_until = now() - interval '1 s'")
        async with database.system() as system:
            await system.reap()
        async with database.system() as system:
            assert not await system.claim(uuid4())
    assert (await job_of(database, lease)).state is JobState.LEASED


async def test_progress_never_goes_backwards(
    database: Database, tenant: TenantId, seed: int
) -> None:
    lease = await leased(database, tenant)
    dice = random.Random(seed)
    seen = 0
    for _ in range(20):
        done = dice.randrange(100)
        async with database.transaction(tenant) as tx:
            await tx.jobs.progress(lease, done=done, total=100)
        seen = max(seen, done)
        assert (await job_of(database, lease)).progress_done == seen


async def test_a_job_that_ended_cannot_be_cancelled(database: Database, tenant: TenantId) -> None:
    lease = await leased(database, tenant)
    async with database.transaction(tenant) as tx:
        await tx.jobs.finish(lease)
    with pytest.raises(ConflictError, match="done"):
        async with database.transaction(tenant) as tx:
            await tx.jobs.cancel(lease.job.id)


async def test_a_job_to_be_tried_later_is_left_alone_until_then(
    database: Database, tenant: TenantId
) -> None:
    lease = await leased(database, tenant)
    async with database.transaction(tenant) as tx:
        await tx.jobs.retry_later(lease, "upstream", "busy", seconds=30)
    assert await claim(database) is None
    await execute(database, "UPDATE jobs SET run_after = now() - interval '1 second'")
    again = await claim(database)
    assert again is not None
    assert (again.job.attempts, again.job.error_code) == (2, "upstream")


async def test_a_job_of_a_transaction_that_fails_was_never_asked_for(
    database: Database, tenant: TenantId
) -> None:
    async def ask(tx: Transaction) -> None:
        await tx.jobs.enqueue(JobKind.INGEST, new_id())
        raise LeaseLostError("as if the fence had refused a later write")

    with pytest.raises(LeaseLostError):
        async with database.transaction(tenant) as tx:
            await ask(tx)
    assert await claim(database) is None


async def test_the_queue_tells_each_job_its_place(database: Database, tenant: TenantId) -> None:
    for _ in range(3):
        await enqueue(database, tenant)
    async with database.transaction(tenant) as tx:
        page = await tx.jobs.page(state=JobState.QUEUED)
        assert [job.queue_position for job in page] == [2, 1, 0]
        older = await tx.jobs.page(before=page[0].id)
        assert [job.id for job in older] == [page[1].id, page[2].id]
        await tx.jobs.cancel_all_of([job.subject for job in page])
        assert await tx.jobs.page(state=JobState.QUEUED) == []
