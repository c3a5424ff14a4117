"""A tenant stores what its quotas allow, to the last document, byte, page and token."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from citewell.accounts.budgets import Budgets
from citewell.documents.ingest import BATCH
from citewell.documents.service import Upload
from citewell.domain.allowances import Period, Quota, Resource
from citewell.domain.documents import DocumentStatus, OnDuplicate
from citewell.domain.errors import ConflictError, QuotaExceededError
from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobState
from citewell.inference.paying import PaidModel
from tests.unit.documents.conftest import Library
from tests.unit.documents.packaged import pptx, zipped

LAMP = b"The lamp burns whale oil, and the keeper trims it.\n"
HORN = b"The horn sounds twice a minute.\n"
AT_ONCE = 20


async def limit(library: Library, **limits: int | None) -> None:
    named = {Resource(name): most for name, most in limits.items()}
    async with library.database.installation() as whole:
        await whole.quotas.set(library.owner.tenant_id, named)


async def quotas(library: Library) -> dict[str, Quota]:
    async with library.database.transaction(library.owner) as tx:
        return {quota.resource.value: quota for quota in await tx.quotas.all()}


async def used(library: Library) -> tuple[int, ...]:
    return tuple(quota.used for quota in (await quotas(library)).values())


async def test_what_is_stored_is_counted_and_given_back(library: Library) -> None:
    assert await used(library) == (0, 0, 0, 0)
    document = await library.ready("lamp.txt", LAMP)
    tokens = (await quotas(library))["tokens"].used
    assert tokens > 0
    assert await used(library) == (1, len(LAMP), 0, tokens)
    await library.documents.delete(library.owner, document.id)
    assert await used(library) == (0, len(LAMP), 0, tokens), "its bytes are there until the job"
    await library.work()
    assert await used(library) == (0, 0, 0, 0)


async def test_a_version_that_is_kept_costs_bytes_and_no_tokens(library: Library) -> None:
    await library.ready("lamp.txt", LAMP)
    await library.ready("lamp.txt", HORN, on_duplicate=OnDuplicate.VERSION)
    two = await used(library)
    assert two[:2] == (1, len(LAMP) + len(HORN))
    await library.ready("lamp.txt", LAMP + HORN, on_duplicate=OnDuplicate.REPLACE)
    assert (await used(library))[:2] == (1, len(LAMP) + len(HORN))
    async with library.database.transaction(library.owner) as tx:
        before, after = await tx.quotas.recount()
    assert before == after, "the counters had drifted"


async def test_a_refusal_names_the_quota_what_is_left_and_a_remedy(library: Library) -> None:
    await limit(library, bytes=len(LAMP) + 5)
    await library.add("lamp.txt", LAMP)
    with pytest.raises(QuotaExceededError, match=r"quota of bytes .* 5 are left.* 32") as refused:
        await library.add("horn.txt", HORN)
    assert "larger quota" in refused.value.hint
    assert len(library.files()) == 1
    assert await used(library) == (1, len(LAMP), 0, 0)


async def test_twenty_uploads_at_once_do_not_exceed_a_quota(library: Library) -> None:
    await limit(library, documents=7)
    done = await asyncio.gather(
        *(library.add(f"{n}.txt", b"Text %d.\n" % n) for n in range(AT_ONCE)),
        return_exceptions=True,
    )
    refused = [one for one in done if isinstance(one, BaseException)]
    assert {type(one) for one in refused} == {QuotaExceededError}
    assert (len(done) - len(refused), len(library.files())) == (7, 7)
    assert (await quotas(library))["documents"] == Quota(Resource.DOCUMENTS, 7, 7)


async def test_twenty_readings_at_once_do_not_exceed_a_quota(library: Library) -> None:
    documents = [await library.add(f"{n}.txt", b"%d. " % n + LAMP) for n in range(AT_ONCE)]
    await library.work()
    each = (await quotas(library))["tokens"].used
    await limit(library, tokens=each * 5 + each - 1)
    leases = [await library.claim() for _ in range(AT_ONCE - 1)]
    await asyncio.gather(*(library.ingestion.run(lease) for lease in leases))
    shown = [await library.shown(one.document) for one in documents]
    assert [one.status for one in shown].count(DocumentStatus.READY) == 5
    assert [one.failure_code for one in shown].count("quota_exceeded") == AT_ONCE - 5
    assert (await quotas(library))["tokens"].used == each * 5


async def test_a_tenant_that_was_refused_is_asked_before_its_bytes_are_taken(
    library: Library,
) -> None:
    await limit(library, documents=1)
    await library.add("lamp.txt", LAMP)
    with pytest.raises(QuotaExceededError):
        await library.add("horn.txt", HORN)

    async def never() -> AsyncIterator[bytes]:
        pytest.fail("Its bytes were read.")
        yield b""

    upload = Upload("more.txt", never())
    with pytest.raises(QuotaExceededError, match="quota of documents"):
        await library.documents.accept(library.owner, library.collection.id, upload)
    await limit(library, documents=None, bytes=len(LAMP) + 2_500)
    with pytest.raises(QuotaExceededError, match="quota of bytes"):
        await library.add("long.txt", b"x" * 10_000)
    await library.add("horn.txt", HORN)


async def test_text_that_does_not_fit_fails_with_the_reason_and_can_be_retried(
    library: Library,
) -> None:
    await limit(library, tokens=3)
    failed = await library.ready("lamp.txt", LAMP)
    assert (failed.status, failed.failure_code) == (DocumentStatus.FAILED, "quota_exceeded")
    assert "quota of tokens" in (failed.failure_reason or "")
    assert library.embedding.texts == [], "what cannot be kept is not embedded"
    assert await library.chunk_texts(failed) == []
    assert (await used(library))[3] == 0
    job = await library.job_of(failed)
    await limit(library, tokens=1_000)
    await library.queue.retry(library.owner, job.id)
    await library.work()
    assert (await library.shown(failed)).status is DocumentStatus.READY


async def test_pages_that_do_not_fit_leave_no_text(library: Library) -> None:
    await limit(library, pages=1)
    slides = {"1": "One", "2": "Two"}
    failed = await library.ready("two.pptx", zipped(pptx(slides, ["1", "2"])))
    assert (failed.status, failed.failure_code) == (DocumentStatus.FAILED, "quota_exceeded")
    async with library.database.transaction(library.owner) as tx:
        assert failed.version_id is not None
        assert not (await tx.versions.get(failed.version_id)).has_text


async def test_an_earlier_version_serves_on_when_the_next_does_not_fit(library: Library) -> None:
    old = await library.ready("lamp.txt", LAMP)
    await limit(library, tokens=(await quotas(library))["tokens"].used + 1)
    await library.ready("lamp.txt", HORN * 20, on_duplicate=OnDuplicate.VERSION)
    assert await library.chunk_texts(old) == [LAMP.decode().strip()]


async def test_a_tenants_quota_is_its_own(library: Library, other_tenant: TenantId) -> None:
    async with library.database.installation() as whole:
        await whole.quotas.set(other_tenant, {Resource.DOCUMENTS: 0})
    await library.add("lamp.txt", LAMP)
    async with library.database.transaction(other_tenant) as tx:
        assert (await tx.quotas.all())[0] == Quota(Resource.DOCUMENTS, 0, 0)


async def test_a_refusal_for_another_reason_counts_nothing(library: Library) -> None:
    await library.add("lamp.txt", LAMP)
    with pytest.raises(ConflictError):
        await library.add("copy.txt", LAMP, on_duplicate=OnDuplicate.FAIL)
    assert await used(library) == (1, len(LAMP), 0, 0)


async def test_a_counter_that_is_wrong_is_repaired(library: Library) -> None:
    await library.add("lamp.txt", LAMP)
    async with library.database.transaction(library.owner) as tx:
        await tx.connection.exec_driver_sql("UPDATE quotas SET documents = 9, tokens = 9")
        before, after = await tx.quotas.recount()
    assert [one.used for one in before] == [9, len(LAMP), 0, 9]
    assert [one.used for one in after] == [1, len(LAMP), 0, 0]


async def test_work_stops_in_the_middle_when_the_budget_does_and_goes_on_when_it_is_raised(
    library: Library,
) -> None:
    budgets = Budgets(library.database)
    paid = PaidModel(library.embedding, budgets.paying, Decimal(0))
    library.ingestion = replace(library.ingestion, embedder=paid)
    body = "The keeper trims the lamp at dusk and writes the hour into the book. " * 12
    long = "\n\n".join(f"# Part {n}\n\n{body}" for n in range(BATCH + 20)).encode()
    await budgets.set(library.owner, {Period.DAY: (BATCH * len(body) // 5 * 11 // 10, None)})
    accepted = await library.add("long.md", long)
    await library.work()
    job = await library.job_of(accepted.document)
    assert (job.state, job.error_code) == (JobState.QUEUED, "budget_exceeded")
    first = len(library.embedding.texts)
    assert 0 < first < job.progress_total
    await budgets.set(library.owner, {Period.DAY: (None, None)})
    await library.work()
    assert (await library.shown(accepted.document)).status is DocumentStatus.READY
    assert len(library.embedding.texts) == job.progress_total, "nothing is paid for twice"
