"""Short texts go together, and each comes to its own end."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest
from sqlalchemy import text

from citewell.documents.collections import Collections
from citewell.documents.parsers.direct import SHORT_BYTES
from citewell.documents.service import Accepted
from citewell.documents.short_texts import ShortTexts
from citewell.domain.allowances import Resource
from citewell.domain.documents import Document, DocumentStatus
from citewell.domain.errors import UpstreamError
from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobState, Lease
from tests.unit.documents.conftest import MODEL, Library
from tests.unit.worker.conftest import PATIENCE_SECONDS

MOST = 16


async def claim(library: Library) -> list[Lease]:
    async with library.database.system() as system:
        return await system.claim(uuid4(), most=MOST)


async def several(library: Library, count: int = 3) -> list[Accepted]:
    return [
        await library.add(f"{n}.md", f"# Lamp {n}\n\nLamp {n} burns.\n".encode())
        for n in range(count)
    ]


async def several_more(library: Library, count: int) -> list[Accepted]:
    return [
        await library.add(f"more-{n}.md", f"# Horn {n}\n\nHorn {n} sounds.\n".encode())
        for n in range(count)
    ]


async def together(library: Library, leases: Sequence[Lease]) -> list[Lease]:
    return await ShortTexts(library.ingestion).run(leases)


async def embedding(library: Library, leases: Sequence[Lease]) -> asyncio.Task[list[Lease]]:
    """They are at work, and held where their vectors are made; let go with `held.set()`."""
    library.embedding.held = asyncio.Event()
    working = asyncio.ensure_future(together(library, leases))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await library.embedding.asked.wait()
    return working


async def go_on(library: Library, working: asyncio.Task[list[Lease]]) -> list[Lease]:
    assert library.embedding.held is not None
    library.embedding.held.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await working


async def states(library: Library, added: Sequence[Accepted]) -> list[JobState]:
    return [(await library.job_of(one.document)).state for one in added]


async def shown(library: Library, added: Sequence[Accepted]) -> list[Document]:
    return [await library.shown(one.document) for one in added]


async def execute(library: Library, statement: str) -> None:
    async with library.database.engine.begin() as connection:
        await connection.execute(text(statement))


async def test_they_become_searchable_with_one_call_of_the_embedder(library: Library) -> None:
    added, head = await several(library), await library.head()
    assert await together(library, await claim(library)) == []
    assert library.embedding.calls == 1
    documents = await shown(library, added)
    assert {(one.status, one.chunks_done, one.chunks_total) for one in documents} == {
        (DocumentStatus.READY, 1, 1)
    }
    assert [one.title for one in documents] == ["Lamp 0", "Lamp 1", "Lamp 2"]
    assert await library.head() == head + 3
    jobs = [await library.job_of(one.document) for one in added]
    assert {(job.state, job.progress_done, job.progress_total) for job in jobs} == {
        (JobState.DONE, 1, 1)
    }


async def test_one_by_one_or_together_the_same_is_stored(plain_library: Library) -> None:
    # What is sealed differs each time that it is written.
    content = b"# A lamp\n\nIt burns whale oil.\n\n## Its wick\n\nTrim it at dusk.\n"
    await plain_library.add("lamp.md", content)
    await together(plain_library, await claim(plain_library))
    plain_library.collection = await Collections(plain_library.database, MODEL).create(
        plain_library.owner, "other"
    )
    await plain_library.add("lamp.md", content)
    await plain_library.work()
    rows = await _stored(plain_library)
    assert len(rows) == 2 * len(set(rows)) > 0


async def test_what_they_say_is_read_back_sealed_or_not(library: Library) -> None:
    added = await several(library)
    await together(library, await claim(library))
    found = [await library.chunk_texts(one.document) for one in added]
    assert found == [[f"# Lamp {n}\n\nLamp {n} burns."] for n in range(3)]


async def _stored(library: Library) -> list[tuple[object, ...]]:
    async with library.database.engine.begin() as connection:
        found = await connection.execute(
            text(
                'SELECT c.ordinal, c.start, c."end", c.context, c.terms, c.field_terms, c.text,'
                " c.windows::text, e.vectors, v.text, v.title, v.language, v.media_type, v.parser,"
                " v.kind, v.headings::text, v.pipeline, v.chunks_done, v.chunks_total, d.title,"
                " d.status FROM chunks c JOIN embeddings e ON e.chunk_id = c.id"
                " JOIN document_versions v ON v.id = c.version_id"
                " JOIN documents d ON d.active_version_id = v.id"
            )
        )
        return [(*row[:8], bytes(row[8]), *row[9:]) for row in found]


async def test_each_change_of_a_group_is_in_the_log_of_its_own_collection(
    library: Library,
) -> None:
    here = await several(library)
    first, library.collection = (
        library.collection,
        await Collections(library.database, MODEL).create(library.owner, "other"),
    )
    there = [await library.add("there.txt", b"The wick is short.")]
    await together(library, await claim(library))
    async with library.database.transaction(library.owner.tenant_id) as tx:
        logs = [await tx.collections.changes(c, after=0) for c in (first.id, library.collection.id)]
    assert [[change.number for change in log] for log in logs] == [[1, 2, 3], [1]]
    assert [{change.document_id for change in log} for log in logs] == [
        {one.document.id for one in here}, {one.document.id for one in there}
    ]  # fmt: skip


async def test_a_cancelled_job_leaves_the_others_alone(library: Library) -> None:
    added = await several(library)
    working = await embedding(library, await claim(library))
    await library.queue.cancel(library.owner, (await library.job_of(added[1].document)).id)
    assert await go_on(library, working) == []
    assert await states(library, added) == [JobState.DONE, JobState.CANCELLED, JobState.DONE]
    assert await library.chunk_texts(added[1].document) == []


async def test_a_document_that_is_deleted_meanwhile_does_not_come_back(library: Library) -> None:
    added = await several(library)
    working = await embedding(library, await claim(library))
    await library.documents.delete(library.owner, added[0].document.id)
    assert await go_on(library, working) == []
    async with library.database.engine.begin() as connection:
        found = await connection.execute(text("SELECT count(*) FROM chunks"))
        assert found.scalar_one() == 2
    assert await states(library, added[1:]) == [JobState.DONE, JobState.DONE]


async def test_a_worker_that_woke_too_late_writes_nothing(library: Library) -> None:
    added, head = await several(library), await library.head()
    working = await embedding(library, await claim(library))
    await execute(library, "UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await go_on(library, working) == []
    assert await library.head() == head
    async with library.database.system() as system:
        await system.reap()
    for _ in added:
        await library.work()
    assert await library.head() == head + len(added)
    assert {one.status for one in await shown(library, added)} == {DocumentStatus.READY}


async def test_a_title_given_while_it_is_read_stays(library: Library) -> None:
    added = await several(library)
    working = await embedding(library, await claim(library))
    await library.documents.describe(library.owner, added[0].document.id, {"title": "Mine"})
    await go_on(library, working)
    assert [one.title for one in await shown(library, added)] == ["Mine", "Lamp 1", "Lamp 2"]


async def test_a_newer_version_meanwhile_is_the_one_that_is_shown(library: Library) -> None:
    added = await several(library)
    working = await embedding(library, await claim(library))
    await library.documents.reprocess(library.owner, added[2].document.id)
    left = await go_on(library, working)
    assert [lease.job.subject for lease in left] == [added[2].document.version_id]
    await library.ingestion.run(left[0])
    await library.work()
    newest = await library.shown(added[2].document)
    assert (newest.status, newest.version_number) == (DocumentStatus.READY, 2)
    assert await states(library, added) == [JobState.DONE] * 3


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("blank.txt", b"  \n ", "no_text"), ("odd.txt", b"\x00\x01\x02" * 50, "encoding")],
)
async def test_a_text_that_cannot_be_read_fails_alone(
    library: Library, name: str, content: bytes, code: str
) -> None:
    broken, added = await library.add(name, content), await several(library)
    assert await together(library, await claim(library)) == []
    failed = await library.shown(broken.document)
    assert (failed.status, failed.failure_code) == (DocumentStatus.FAILED, code)
    assert await states(library, [broken, *added]) == [JobState.FAILED, *[JobState.DONE] * 3]


async def test_what_is_only_named_like_text_is_left_to_the_confined_reader(
    library: Library,
) -> None:
    hidden, added = await library.add("hidden.txt", b"%PDF-1.7\ncut"), await several(library)
    left = await together(library, await claim(library))
    assert [lease.job.subject for lease in left] == [hidden.document.version_id]
    assert library.reading.files == []
    await library.ingestion.run(left[0])
    assert (await library.shown(hidden.document)).failure_code == "corrupt"
    assert await states(library, added) == [JobState.DONE] * 3


async def test_a_model_that_is_away_sends_each_back_to_be_read_alone(library: Library) -> None:
    added = await several(library)
    library.embedding.errors.append(UpstreamError("No answer."))
    assert await together(library, await claim(library)) == []
    assert await states(library, added) == [JobState.QUEUED] * 3
    await execute(library, "UPDATE jobs SET run_after = now()")
    assert [len(await claim(library)) for _ in added] == [1, 1, 1]


async def test_a_quota_that_only_some_fit_into_stores_as_many_as_fit(library: Library) -> None:
    added = await several(library)
    await together(library, (await claim(library))[:1])
    async with library.database.transaction(library.owner) as tx:
        tokens = {quota.resource: quota.used for quota in await tx.quotas.all()}[Resource.TOKENS]
    added += await several_more(library, 3)
    async with library.database.installation() as whole:
        await whole.quotas.set(library.owner.tenant_id, {Resource.TOKENS: 2 * tokens})
    left = await together(library, await claim(library))
    assert len(left) == 3
    for lease in left:
        await library.ingestion.run(lease)
    counted = [await library.job_of(one.document) for one in added[3:]]
    assert sorted(job.state for job in counted) == [
        JobState.DONE, JobState.FAILED, JobState.FAILED
    ]  # fmt: skip
    assert {job.error_code for job in counted} == {None, "quota_exceeded"}


async def test_what_a_dead_worker_held_is_claimed_alone_from_then_on(library: Library) -> None:
    await several(library)
    worker = uuid4()
    async with library.database.system() as system:
        assert len(await system.claim(worker, most=MOST)) == 3
        await system.release(worker)
    claims = [await claim(library) for _ in range(4)]
    assert [[lease.fresh for lease in leases] for leases in claims] == [[False]] * 3 + [[]]


async def test_long_files_and_those_of_other_formats_are_claimed_alone(library: Library) -> None:
    await library.add("long.txt", b"word " * (SHORT_BYTES // 5 + 1))
    await library.add("page.html", b"<p>Lamp.</p>")
    await several(library)
    claims = [await claim(library) for _ in range(3)]
    assert sorted((len(leases), leases[0].fresh) for leases in claims) == [
        (1, False), (1, False), (3, True)
    ]  # fmt: skip


async def test_a_claim_takes_no_more_than_it_asked_for_and_of_one_tenant(
    library: Library, other_tenant: TenantId
) -> None:
    await several(library, MOST + 1)
    await execute(
        library,
        f"UPDATE jobs SET tenant_id = '{other_tenant}'"
        " WHERE id = (SELECT id FROM jobs ORDER BY id DESC LIMIT 1)",
    )
    await several(library, 1)
    first, second = await claim(library), await claim(library)
    assert len(first) == MOST
    assert len({lease.job.tenant_id for lease in first}) == 1
    assert [lease.job.tenant_id for lease in second] == [other_tenant]
