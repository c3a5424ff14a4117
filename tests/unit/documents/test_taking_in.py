"""A file that was acknowledged is kept, once, under a harmless name, with a job to read it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from citewell.documents.queue import JobQueue
from citewell.documents.service import Accepted, Upload
from citewell.domain.documents import DocumentStatus, OnDuplicate
from citewell.domain.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from citewell.domain.ids import CollectionId, TenantId, new_id
from citewell.domain.jobs import JobState
from citewell.domain.principal import Role, Scope
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey
from citewell.storage.sealing.seal import Seal
from citewell.storage.transaction import Transaction
from tests.unit.documents.conftest import LIMIT, Library, pieces, whole

LAMP = b"The lamp burns whale oil.\n"
HORN = b"The horn sounds twice a minute.\n"


async def test_what_is_accepted_is_on_the_disk_with_a_job_in_the_queue(library: Library) -> None:
    accepted = await library.add("../a/lamp.txt", LAMP)
    assert accepted.document.filename == "a/lamp.txt"
    assert accepted.document.status is DocumentStatus.RECEIVED
    assert accepted.job is not None
    assert accepted.job.state is JobState.QUEUED
    (kept,) = library.files()
    _, content = await library.documents.original(library.owner, accepted.document.id)
    assert whole(content) == LAMP
    assert kept.name.endswith(".sealed") is not isinstance(content, Path)


async def test_known_content_is_skipped_and_leaves_no_second_copy(library: Library) -> None:
    first = await library.add("lamp.txt", LAMP)
    again = await library.add("copy.txt", LAMP)
    assert (again.document.id, again.duplicate, again.job) == (first.document.id, True, None)
    assert len(library.files()) == 1


async def test_known_content_can_be_refused_by_name(library: Library) -> None:
    await library.add("lamp.txt", LAMP)
    with pytest.raises(ConflictError, match=r"lamp\.txt"):
        await library.add("copy.txt", LAMP, on_duplicate=OnDuplicate.FAIL)
    assert len(library.files()) == 1


async def test_the_same_file_sent_many_times_at_once_is_one_document(library: Library) -> None:
    found = await asyncio.gather(*(library.add(f"{n}.txt", LAMP) for n in range(8)))
    assert len({accepted.document.id for accepted in found}) == 1
    assert [accepted.duplicate for accepted in found].count(False) == 1
    assert len(library.files()) == 1


@pytest.mark.parametrize(
    ("on_duplicate", "files"), [(OnDuplicate.REPLACE, 1), (OnDuplicate.VERSION, 2)]
)
async def test_a_new_content_under_a_known_name_becomes_its_next_version(
    library: Library, on_duplicate: OnDuplicate, files: int
) -> None:
    old = await library.ready("lamp.txt", LAMP)
    accepted = await library.add("lamp.txt", HORN, on_duplicate=on_duplicate)
    assert (accepted.document.id, accepted.document.version_number) == (old.id, 2)
    assert await library.chunk_texts(old) == [LAMP.decode().strip()]
    await library.work()
    assert await library.chunk_texts(old) == [HORN.decode().strip()]
    assert len(library.files()) == files


async def test_a_file_that_could_not_be_read_may_be_sent_again(library: Library) -> None:
    failed = await library.ready("empty.txt", b" \n")
    assert failed.status is DocumentStatus.FAILED
    again = await library.add("empty.txt", b" \n")
    assert not again.duplicate


async def test_a_file_over_the_limit_leaves_nothing(library: Library) -> None:
    with pytest.raises(TooLargeError):
        await library.add("big.txt", b"x" * (LIMIT + 1))
    assert library.files() == []
    with pytest.raises(AssertionError, match="no job"):
        await library.claim()


async def test_an_upload_that_breaks_off_leaves_nothing(library: Library) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 5_000
        raise ConnectionResetError

    upload = Upload("cut.txt", broken())
    with pytest.raises((ConnectionResetError, UnavailableError)):
        await library.documents.accept(library.owner, library.collection.id, upload)
    assert library.files() == []


async def test_a_request_that_is_repeated_has_one_effect_and_one_answer(library: Library) -> None:
    once = RequestKey("documents", "key-1")

    async def send(content: bytes) -> Accepted:
        upload = Upload("lamp.txt", pieces(content))
        where = library.collection.id
        return await library.documents.accept(library.owner, where, upload, once=once)

    first, again = await send(LAMP), await send(LAMP)
    assert again == first
    assert len(library.files()) == 1
    with pytest.raises(InvalidError):
        await send(HORN)
    assert len(library.files()) == 1


@dataclass(frozen=True, slots=True)
class LosesTheAnswer:
    """A database whose connection breaks right behind a commit."""

    database: Database

    @asynccontextmanager
    async def transaction(self, tenant_id: TenantId) -> AsyncIterator[Transaction]:
        async with self.database.transaction(tenant_id) as tx:
            yield tx
        if "audit" in vars(tx):  # Only what is recorded has written anything.
            raise UnavailableError("The database cannot be reached.")

    async def seal(self, tenant_id: TenantId) -> Seal:
        return await self.database.seal(tenant_id)


async def test_a_commit_whose_answer_is_lost_never_leaves_a_document_without_its_bytes(
    library: Library,
) -> None:
    unlucky = replace(
        library.documents, database=cast("Database", LosesTheAnswer(library.database))
    )
    with pytest.raises(UnavailableError):
        await unlucky.accept(library.owner, library.collection.id, Upload("lamp.txt", pieces(LAMP)))
    again = await library.add("lamp.txt", LAMP)
    assert again.duplicate
    await library.work()
    assert (await library.shown(again.document)).status is DocumentStatus.READY
    _, content = await library.documents.original(library.owner, again.document.id)
    assert whole(content) == LAMP


async def test_only_an_editor_with_the_right_scope_may_add(library: Library) -> None:
    viewer = replace(library.owner, role=Role.VIEWER)
    reader = replace(library.owner, scopes=frozenset({Scope.DOCUMENTS_READ}))
    for who in (viewer, reader):
        with pytest.raises(DeniedError):
            await library.documents.accept(
                who, library.collection.id, Upload("lamp.txt", pieces(LAMP))
            )
    assert library.files() == []


async def test_a_collection_of_somebody_else_is_not_found(
    library: Library, other_tenant: TenantId
) -> None:
    stranger = replace(library.owner, tenant_id=other_tenant)
    for where in (library.collection.id, CollectionId(new_id())):
        with pytest.raises(NotFoundError):
            await library.documents.accept(stranger, where, Upload("lamp.txt", pieces(LAMP)))
    assert library.files() == []


async def test_a_typed_text_is_a_document_like_any_other(library: Library) -> None:
    accepted = await library.documents.accept_text(
        library.owner, library.collection.id, title="On / lamps", text="Oil\x00 and \ud800 wick."
    )
    await library.work()
    shown = await library.shown(accepted.document)
    assert (shown.title, shown.filename) == ("On / lamps", "On   lamps.txt")
    assert await library.chunk_texts(shown) == ["Oil and ? wick."]


async def test_the_reply_to_an_upload_is_what_is_stored(library: Library) -> None:
    upload = Upload("a/lamp.txt", pieces(LAMP), "On lamps", ["oil"], {"year": 1850, "of": ["x", 1]})
    accepted = await library.documents.accept(library.owner, library.collection.id, upload)
    assert accepted.document == await library.documents.get(library.owner, accepted.document.id)
    assert accepted.job is not None
    stored = await JobQueue(library.database).get(library.owner, accepted.job.id)
    assert accepted.job == replace(stored, queue_position=None)
