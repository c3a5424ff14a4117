"""What becomes of jobs whose worker is gone: handed back, taken back, or given up as poison."""

from uuid import UUID, uuid4

from citewell.domain.ids import TenantId, new_id
from citewell.domain.jobs import Job, JobKind, JobState, Lease
from citewell.storage.database import Database
from citewell.storage.repositories.system import POISON_CRASHES, SILENT_DEATHS
from tests.unit.storage.rows import execute


async def claim(database: Database, worker: UUID) -> Lease:
    async with database.system() as system:
        [lease] = await system.claim(worker)
    return lease


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


async def reap(database: Database) -> list[tuple[TenantId, UUID, str]]:
    async with database.system() as system:
        return await system.reap()


async def test_a_lease_that_ran_out_is_taken_back(database: Database, tenant: TenantId) -> None:
    subject = await enqueue(database, tenant)
    first = await claim(database, uuid4())
    assert await reap(database) == []
    assert (await latest(database, tenant, subject)).state is JobState.LEASED

    await execute(database, "UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await reap(database) == []
    assert (await latest(database, tenant, subject)).state is JobState.QUEUED
    second = await claim(database, uuid4())
    assert (second.job.id, second.job.attempts) == (first.job.id, 2)
    assert second.token != first.token


async def test_a_worker_that_hands_back_spends_no_attempt(
    database: Database, tenant: TenantId
) -> None:
    subject, worker = await enqueue(database, tenant), uuid4()
    for _ in range(POISON_CRASHES + 2):
        await claim(database, worker)
        async with database.system() as system:
            assert await system.release(worker) == 1
        assert await reap(database) == []
        job = await latest(database, tenant, subject)
        assert (job.state, job.attempts) == (JobState.QUEUED, 0)


async def test_a_worker_hands_back_only_what_is_its_own(
    database: Database, tenant: TenantId
) -> None:
    mine, theirs = uuid4(), uuid4()
    first = await enqueue(database, tenant)
    await claim(database, mine)
    second = await enqueue(database, tenant)
    await claim(database, theirs)
    async with database.system() as system:
        assert await system.release(mine) == 1
        assert await system.release(uuid4()) == 0
    assert (await latest(database, tenant, first)).state is JobState.QUEUED
    assert (await latest(database, tenant, second)).state is JobState.LEASED


async def test_a_job_that_kills_its_worker_three_times_is_poison(
    database: Database, tenant: TenantId
) -> None:
    subject, innocent = await enqueue(database, tenant), await enqueue(database, tenant)
    for crash in range(1, POISON_CRASHES + 1):
        worker = uuid4()
        assert (await claim(database, worker)).job.subject == subject
        async with database.system() as system:
            assert await system.blame(worker) == 1
        poisoned = await reap(database)
        job = await latest(database, tenant, subject)
        assert (job.state is JobState.FAILED) == (crash == POISON_CRASHES)
    assert poisoned == [(tenant, subject, JobKind.INGEST.value)]
    assert (job.error_code, job.finished_at is None) == ("poison", False)
    assert "ended the worker" in (job.error_reason or "")
    assert (await claim(database, uuid4())).job.subject == innocent


async def test_a_parser_that_crashes_is_counted_by_its_worker(
    database: Database, tenant: TenantId
) -> None:
    subject = await enqueue(database, tenant)
    for expected in range(1, POISON_CRASHES + 1):
        lease = await claim(database, uuid4())
        async with database.transaction(tenant) as tx:
            assert await tx.jobs.crashed(lease) == expected
            await tx.jobs.retry_later(lease, "crash", "it crashed", seconds=0)
    assert (await latest(database, tenant, subject)).state is JobState.QUEUED


async def test_silent_deaths_without_progress_end_in_poison(
    database: Database, tenant: TenantId
) -> None:
    subject = await enqueue(database, tenant)
    await execute(database, "UPDATE jobs SET attempts = :n", n=SILENT_DEATHS - 1)
    await claim(database, uuid4())
    await execute(database, "UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await reap(database) == [(tenant, subject, JobKind.INGEST.value)]


async def test_committed_progress_gives_a_job_its_chances_back(
    database: Database, tenant: TenantId
) -> None:
    subject = await enqueue(database, tenant)
    await execute(database, "UPDATE jobs SET attempts = :n", n=SILENT_DEATHS - 1)
    lease = await claim(database, uuid4())
    async with database.transaction(tenant) as tx:
        await tx.jobs.progress(lease, done=1, total=2)
    await execute(database, "UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await reap(database) == []
    assert (await latest(database, tenant, subject)).attempts == 1
