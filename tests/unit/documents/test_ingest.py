"""A version goes from bytes to searchable in steps that are done once, by whoever has the lease."""

import asyncio
from collections.abc import Awaitable

import pytest
from sqlalchemy import text

from citewell.documents.ingest import BATCH, MAX_ATTEMPTS
from citewell.domain.documents import Document, DocumentStatus
from citewell.domain.errors import (
    DocumentError,
    LeaseLostError,
    LimitedError,
    UnavailableError,
    UpstreamError,
)
from citewell.domain.jobs import JobState
from citewell.storage.database import Database
from citewell.storage.repositories.system import POISON_CRASHES
from tests.unit.documents.conftest import Library, whole

LAMP = b"The lamp burns whale oil.\n"
PATIENCE_SECONDS = 20.0


def long_text(parts: int) -> bytes:
    """Each part is a chunk of its own."""
    body = "The keeper trims the lamp at dusk and writes the hour into the book. " * 12
    return "\n\n".join(f"# Part {n}\n\n{body}" for n in range(parts)).encode()


async def expire_leases(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET lease_until = now() - interval '1 second'"))


async def make_due(database: Database) -> None:
    """As if the pause before the next try had passed."""
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET run_after = now()"))


async def test_a_file_becomes_searchable_and_its_job_is_done(library: Library) -> None:
    before = await library.head()
    document = await library.ready("on-lamps.md", b"# Lamps\n\nOil burns.\n")
    assert (document.status, document.title) == (DocumentStatus.READY, "Lamps")
    assert (document.chunks_done, document.chunks_total) == (1, 1)
    assert await library.head() == before + 1
    job = await library.job_of(document)
    assert (job.state, job.progress_done, job.progress_total) == (JobState.DONE, 1, 1)


async def test_a_title_that_was_given_is_kept(library: Library) -> None:
    accepted = await library.add("on-lamps.md", b"# Lamps\n\nOil burns.\n", title="Mine")
    await library.work()
    assert (await library.shown(accepted.document)).title == "Mine"


async def test_the_chunks_are_spans_of_the_canonical_text(library: Library) -> None:
    document = await library.ready("book.md", long_text(5))
    canonical = (await library.documents.text(library.owner, document.id)).parsed.text
    assert canonical == long_text(5).decode()
    found = await library.chunk_texts(document)
    assert len(found) == document.chunks_total == 5
    assert all(piece in canonical for piece in found)


async def test_what_was_committed_before_a_death_is_not_done_again(library: Library) -> None:
    parts = BATCH + 8
    accepted = await library.add("book.md", long_text(parts))
    library.embedding.dies_after = 1
    with pytest.raises(ConnectionAbortedError):
        await library.work()
    half = await library.job_of(accepted.document)
    assert (half.progress_done, half.progress_total) == (BATCH, parts)
    library.embedding.dies_after = None
    await expire_leases(library.database)
    async with library.database.system() as system:
        await system.reap()
    await library.work()
    assert len(library.reading.files) == 1
    assert len(library.embedding.texts) == len(set(library.embedding.texts)) == parts
    assert len(await library.chunk_texts(accepted.document)) == parts


async def test_a_worker_whose_lease_ran_out_writes_nothing_when_it_wakes(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    library.embedding.held = asyncio.Event()
    lease, head = await library.claim(), await library.head()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        frozen = group.create_task(_lost(library.ingestion.run(lease)))
        await library.embedding.asked.wait()
        await expire_leases(library.database)
        library.embedding.held.set()
        assert await frozen
    assert await library.chunk_texts(accepted.document) == []
    assert await library.head() == head
    async with library.database.system() as system:
        await system.reap()
    await library.work()
    assert (await library.shown(accepted.document)).status is DocumentStatus.READY
    assert await library.head() == head + 1


async def _lost(work: Awaitable[None]) -> bool:
    try:
        await work
    except LeaseLostError:
        return True
    return False


async def test_a_file_that_cannot_be_read_says_why_and_keeps_its_original(library: Library) -> None:
    document = await library.ready("cut.pdf", b"%PDF-1.7\ncut")
    assert (document.status, document.failure_code) == (DocumentStatus.FAILED, "corrupt")
    assert "damaged" in (document.failure_reason or "")
    job = await library.job_of(document)
    assert (job.state, job.error_code) == (JobState.FAILED, "corrupt")
    _, content = await library.documents.original(library.owner, document.id)
    assert whole(content) == b"%PDF-1.7\ncut"


async def test_a_new_version_that_cannot_be_read_leaves_the_old_one_searched(
    library: Library,
) -> None:
    document = await library.ready("lamp.txt", LAMP)
    library.reading.errors.append(DocumentError("corrupt", "It is damaged.", hint="Mend it."))
    await library.documents.reprocess(library.owner, document.id)
    await library.work()
    assert (await library.shown(document)).failure_code == "corrupt"
    assert await library.chunk_texts(document) == [LAMP.decode().strip()]


async def _crashed(library: Library, times: int) -> Document:
    accepted = await library.add("lamp.txt", LAMP)
    crash = DocumentError("crash", "The reader broke down.", hint="Save it again.")
    library.reading.errors += [crash] * times
    for _ in range(times):
        await library.work()
        await make_due(library.database)
    return await library.shown(accepted.document)


async def test_a_file_that_breaks_its_reader_three_times_is_given_up(library: Library) -> None:
    document = await _crashed(library, POISON_CRASHES)
    assert (document.status, document.failure_code) == (DocumentStatus.FAILED, "poison")


async def test_a_file_that_breaks_its_reader_twice_is_tried_again(library: Library) -> None:
    document = await _crashed(library, POISON_CRASHES - 1)
    await library.work()
    assert (await library.shown(document)).status is DocumentStatus.READY


@pytest.mark.parametrize(
    "error", [UpstreamError("No answer."), LimitedError("Too fast."), UnavailableError("Gone.")]
)
async def test_a_model_that_is_away_is_asked_again_later(
    library: Library, error: Exception
) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    library.embedding.errors.append(error)
    await library.work()
    job = await library.job_of(accepted.document)
    assert job.state is JobState.QUEUED
    assert job.error_reason == str(error)
    await make_due(library.database)
    await library.work()
    assert (await library.shown(accepted.document)).status is DocumentStatus.READY


async def test_a_model_that_never_answers_ends_the_job_with_its_words(library: Library) -> None:
    accepted = await library.add("lamp.txt", LAMP)
    async with library.database.engine.begin() as connection:
        await connection.execute(text(f"UPDATE jobs SET attempts = {MAX_ATTEMPTS - 1}"))
    library.embedding.errors.append(UpstreamError("No answer from the model."))
    await library.work()
    shown = await library.shown(accepted.document)
    assert (shown.status, shown.failure_reason) == (
        DocumentStatus.FAILED, "No answer from the model."
    )  # fmt: skip


async def test_only_the_latest_of_two_versions_is_searched_whichever_ends_first(
    library: Library,
) -> None:
    document = await library.ready("lamp.txt", LAMP)
    await library.documents.reprocess(library.owner, document.id)
    older = await library.claim()
    await library.documents.reprocess(library.owner, document.id)
    newer = await library.claim()
    await library.ingestion.run(newer)
    await library.ingestion.run(older)
    shown = await library.shown(document)
    text_now = await library.documents.text(library.owner, document.id)
    assert (shown.version_id, text_now.version_id) == (newer.job.subject, newer.job.subject)
