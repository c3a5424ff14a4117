"""The owner of the queue stops jobs and has them done again, without breaking what serves."""

import asyncio
from dataclasses import replace

import pytest

from citewell.domain.documents import DocumentStatus
from citewell.domain.errors import (
    ConflictError,
    DeniedError,
    DocumentError,
    InvalidError,
    NotFoundError,
)
from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobState
from citewell.domain.principal import Role
from citewell.storage.repetition import RequestKey
from tests.unit.documents.conftest import Library

LAMP = b"The lamp burns whale oil.\n"


async def test_a_cancelled_document_says_so_and_is_not_read(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    job = await library.job_of(accepted.document)
    assert (await library.queue.cancel(library.owner, job.id)).state is JobState.CANCELLED
    shown = await library.shown(accepted.document)
    assert (shown.status, shown.failure_code) == (DocumentStatus.FAILED, "cancelled")
    with pytest.raises(AssertionError, match="no job"):
        await library.claim()


async def test_cancelling_a_new_version_leaves_the_old_one_serving(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    again = await library.documents.reprocess(library.owner, document.id)
    assert again.job is not None
    await library.queue.cancel(library.owner, again.job.id)
    assert (await library.shown(document)).status is DocumentStatus.READY
    assert await library.chunk_texts(document) == [LAMP.decode().strip()]


async def test_what_has_ended_cannot_be_cancelled(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    job = await library.job_of(document)
    with pytest.raises(ConflictError, match="done"):
        await library.queue.cancel(library.owner, job.id)


async def test_a_failed_document_can_be_tried_again(library: Library) -> None:
    library.reading.errors.append(DocumentError("corrupt", "It is damaged.", hint="Mend it."))
    document = await library.ready("lamp.txt", LAMP)
    assert document.status is DocumentStatus.FAILED
    job = await library.job_of(document)
    again = await library.queue.retry(library.owner, job.id)
    assert (again.id != job.id, again.state) == (True, JobState.QUEUED)
    assert (await library.shown(document)).status is DocumentStatus.RECEIVED
    await library.work()
    assert (await library.shown(document)).status is DocumentStatus.READY


async def test_there_is_nothing_to_retry_in_what_is_done_or_waits(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    job = await library.job_of(accepted.document)
    with pytest.raises(ConflictError, match="queued"):
        await library.queue.retry(library.owner, job.id)
    await library.work()
    with pytest.raises(ConflictError, match="done"):
        await library.queue.retry(library.owner, job.id)


async def test_jobs_are_listed_newest_first_and_by_state(library: Library) -> None:
    for n in range(3):
        await library.add(f"{n}.txt", LAMP + bytes([65 + n]))
    await library.work()
    queued = await library.queue.page(library.owner, state=JobState.QUEUED)
    done = await library.queue.page(library.owner, state=JobState.DONE)
    assert (len(queued), len(done)) == (2, 1)
    every = await library.queue.page(library.owner, limit=2)
    assert [job.id for job in every] == sorted((job.id for job in every), reverse=True)
    (last,) = await library.queue.page(library.owner, before=every[-1].id, limit=2)
    assert last.id == done[0].id


async def test_a_viewer_watches_and_a_stranger_sees_nothing(
    library: Library, other_tenant: TenantId
) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    job = await library.job_of(accepted.document)
    viewer = replace(library.owner, role=Role.VIEWER)
    assert (await library.queue.get(viewer, job.id)).id == job.id
    with pytest.raises(DeniedError):
        await library.queue.cancel(viewer, job.id)
    stranger = replace(library.owner, tenant_id=other_tenant)
    with pytest.raises(NotFoundError):
        await library.queue.cancel(stranger, job.id)
    assert await library.queue.page(stranger) == []


async def test_a_repeated_retry_is_one_new_job_and_the_same_reply(library: Library) -> None:
    job = await library.job_of((await library.add("lamp.txt", LAMP)).document)
    other = await library.job_of((await library.add("sail.txt", b"It is torn.\n")).document)
    await library.queue.cancel(library.owner, job.id)
    once = RequestKey("retry", "key-1")
    replies = await asyncio.gather(
        *(library.queue.retry(library.owner, job.id, once=once) for _ in range(4))
    )
    assert replies == [replies[0]] * 4
    queued = await library.queue.page(library.owner, state=JobState.QUEUED)
    assert {one.id for one in queued} == {replies[0].id, other.id}
    with pytest.raises(InvalidError):
        await library.queue.retry(library.owner, other.id, once=once)


async def test_a_refused_retry_does_not_use_up_its_key(library: Library) -> None:
    job = await library.job_of((await library.add("lamp.txt", LAMP)).document)
    once = RequestKey("retry", "key-1")
    with pytest.raises(ConflictError):
        await library.queue.retry(library.owner, job.id, once=once)
    await library.queue.cancel(library.owner, job.id)
    assert (await library.queue.retry(library.owner, job.id, once=once)).state is JobState.QUEUED


async def test_a_repeated_reprocessing_is_one_new_version_and_the_same_reply(
    library: Library,
) -> None:
    document = await library.ready("lamp.txt", LAMP)
    other = await library.ready("sail.txt", b"It is torn.\n")
    once = RequestKey("reprocess", "key-1")
    replies = await asyncio.gather(
        *(library.documents.reprocess(library.owner, document.id, once=once) for _ in range(4))
    )
    assert replies == [replies[0]] * 4
    assert (await library.shown(document)).version_number == document.version_number + 1
    assert replies[0].job is not None
    queued = await library.queue.page(library.owner, state=JobState.QUEUED)
    assert [one.id for one in queued] == [replies[0].job.id]
    with pytest.raises(InvalidError):
        await library.documents.reprocess(library.owner, other.id, once=once)
