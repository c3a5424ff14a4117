"""What is deleted is out of every search at once, and off the disk soon."""

import asyncio
from dataclasses import replace

import pytest

from citewell.documents.collections import Collections
from citewell.documents.queue import JobQueue
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobKind, JobState
from tests.unit.documents.conftest import MODEL, Library, whole
from tests.unit.storage.rows import waits_for_a_lock

LAMP = b"The lamp burns whale oil.\n"


async def test_a_deletion_counts_what_it_removed_and_is_in_the_change_log(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    before = await library.head()
    receipt = await library.documents.delete(library.owner, document.id)
    assert receipt.removed["chunks"] == 1
    assert not receipt.searchable
    assert await library.head() == before + 1
    with pytest.raises(NotFoundError):
        await library.documents.get(library.owner, document.id)
    with pytest.raises(NotFoundError):
        await library.documents.text(library.owner, document.id)


async def test_the_bytes_follow_by_a_job(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    await library.documents.delete(library.owner, document.id)
    assert len(library.files()) == 1
    lease = await library.claim()
    assert lease.job.kind is JobKind.PURGE
    await library.removal.run(lease)
    assert library.files() == []


async def test_what_is_deleted_before_it_is_read_is_never_read(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    await library.documents.delete(library.owner, accepted.document.id)
    await library.work()
    assert library.reading.files == []
    assert (await library.job_of(accepted.document)).state is JobState.CANCELLED


async def test_what_is_deleted_while_it_is_read_does_not_come_back(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    lease = await library.claim()
    head = await library.head()
    await library.documents.delete(library.owner, accepted.document.id)
    with pytest.raises(Exception, match="lease"):
        await library.ingestion.run(lease)
    assert await library.head() == head


async def test_a_removal_cannot_be_cancelled(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    await library.documents.delete(library.owner, document.id)
    (job, *_) = await JobQueue(library.database).page(library.owner, state=JobState.QUEUED)
    with pytest.raises(ConflictError):
        await library.queue.cancel(library.owner, job.id)


async def test_the_sweep_takes_orphans_and_nothing_else(library: Library) -> None:
    kept = (await library.ready("lamp.txt", LAMP)).id
    orphan = library.blobs.path("0" * 32)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"nobody's")
    assert await library.removal.sweep() == 0
    assert await library.removal.sweep(older_than_seconds=-1.0) == 1
    assert len(library.files()) == 1
    _, content = await library.documents.original(library.owner, kept)
    assert whole(content) == LAMP


async def test_nobody_deletes_what_belongs_to_another_tenant(
    library: Library, other_tenant: TenantId
) -> None:
    document = await library.ready("lamp.txt", LAMP)
    stranger = replace(library.owner, tenant_id=other_tenant)
    with pytest.raises(NotFoundError):
        await library.documents.delete(stranger, document.id)
    assert (await library.shown(document)).id == document.id


async def test_a_deletion_and_the_worker_that_reads_never_wait_for_each_other(
    library: Library,
) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    lease = await library.claim()
    async with library.database.transaction(library.owner.tenant_id) as tx:
        await tx.jobs.hold(lease)
        deleting = asyncio.ensure_future(
            library.documents.delete(library.owner, accepted.document.id)
        )
        await waits_for_a_lock(library.database)
        # With the locks in another order, the server ends one of the two here.
        await tx.documents.lock(accepted.document.id)
    await deleting
    with pytest.raises(NotFoundError):
        await library.documents.get(library.owner, accepted.document.id)


async def test_reading_ends_quietly_when_the_collection_is_deleted_meanwhile(
    library: Library,
) -> None:
    await library.add("lamp.txt", LAMP)
    lease = await library.claim()
    library.embedding.held = asyncio.Event()
    reading = asyncio.ensure_future(library.ingestion.run(lease))
    await library.embedding.asked.wait()
    await Collections(library.database, MODEL).delete(library.owner, library.collection.id)
    library.embedding.held.set()
    await reading
    assert (await library.queue.get(library.owner, lease.job.id)).state is JobState.DONE
