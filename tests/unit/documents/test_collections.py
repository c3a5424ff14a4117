"""A collection has one clean name in its tenant, and takes everything with it when it goes."""

import asyncio
from dataclasses import replace

import pytest

from citewell.documents.collections import DEFAULT_COLLECTION, MAX_NAME, Collections
from citewell.documents.revisions import revision
from citewell.documents.service import Upload
from citewell.domain.documents import Collection
from citewell.domain.errors import (
    ChangedError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
)
from citewell.domain.ids import TenantId
from citewell.domain.principal import Role
from citewell.storage.repetition import RequestKey
from tests.unit.documents.conftest import MODEL, Library, pieces


@pytest.fixture
def collections(library: Library) -> Collections:
    return Collections(library.database, MODEL)


async def test_a_collection_is_made_and_renamed(library: Library, collections: Collections) -> None:
    made = await collections.create(library.owner, "papers", "What we read.")
    assert (made.name, made.description, made.documents, made.head) == (
        "papers", "What we read.", 0, 0
    )  # fmt: skip
    changed = await collections.change(library.owner, made.id, name="books")
    assert (changed.name, changed.description) == ("books", "What we read.")
    assert (await library.documents.collection(library.owner, "books")).id == made.id


@pytest.mark.parametrize("name", ["", " ", " x", "x ", "two\nlines", "x" * (MAX_NAME + 1), "\x00"])
async def test_a_name_that_cannot_be_one_is_refused(
    library: Library, collections: Collections, name: str
) -> None:
    with pytest.raises(InvalidError):
        await collections.create(library.owner, name)


async def test_a_name_is_taken_once_in_a_tenant_and_free_in_another(
    library: Library, collections: Collections, other_tenant: TenantId
) -> None:
    first = await collections.create(library.owner, "papers")
    with pytest.raises(ConflictError):
        await collections.create(library.owner, "papers")
    stranger = replace(library.owner, tenant_id=other_tenant)
    assert (await collections.create(stranger, "papers")).id != first.id
    with pytest.raises(NotFoundError):
        await collections.change(stranger, first.id, name="stolen")


async def test_a_repeated_request_makes_one_collection(
    library: Library, collections: Collections
) -> None:
    once = RequestKey("collections", "key-1")
    first = await collections.create(library.owner, "papers", once=once)
    assert await collections.create(library.owner, "papers", once=once) == first
    with pytest.raises(InvalidError):
        await collections.create(library.owner, "other", once=once)


async def test_a_collection_takes_its_documents_with_it(
    library: Library, collections: Collections
) -> None:
    made = await collections.create(library.owner, "papers")
    upload = Upload("lamp.txt", pieces(b"Oil burns.\n"))
    accepted = await library.documents.accept(library.owner, made.id, upload)
    await library.work()
    removed = await collections.delete(library.owner, made.id)
    assert removed["documents"] == 1
    with pytest.raises(NotFoundError):
        await library.documents.get(library.owner, accepted.document.id)
    with pytest.raises(NotFoundError):
        await library.documents.collection(library.owner, "papers")


async def test_the_same_content_may_be_in_two_collections(
    library: Library, collections: Collections
) -> None:
    made = await collections.create(library.owner, "papers")
    here = await library.add("lamp.txt", b"Oil burns.\n")
    there = await library.documents.accept(
        library.owner, made.id, Upload("lamp.txt", pieces(b"Oil burns.\n"))
    )
    assert not there.duplicate
    assert here.document.id != there.document.id


async def test_a_viewer_makes_nothing(library: Library, collections: Collections) -> None:
    viewer = replace(library.owner, role=Role.VIEWER)
    with pytest.raises(DeniedError):
        await collections.create(viewer, "papers")


async def test_of_changes_to_one_seen_state_of_a_collection_a_single_one_is_made(
    library: Library, collections: Collections
) -> None:
    made = await collections.create(library.owner, "papers")

    async def change(text: str) -> Collection:
        seen = {revision(made)}
        return await collections.change(library.owner, made.id, description=text, seen=seen)

    results = await asyncio.gather(*map(change, "abcdefgh"), return_exceptions=True)
    (winner,) = (one for one in results if isinstance(one, Collection))
    assert [type(one) for one in results].count(ChangedError) == 7
    assert await library.documents.collection(library.owner, "papers") == winner


async def test_collections_are_found_together_by_id_or_name_each_once(
    library: Library, collections: Collections, other_tenant: TenantId
) -> None:
    first, second = [await collections.create(library.owner, name) for name in ("papers", "books")]
    asked = ["books", str(first.id), "papers", second.id.hex, "books"]
    assert await collections.inside(library.owner, asked) == [second.id, first.id]
    stranger = replace(library.owner, tenant_id=other_tenant)
    for name in ("papers", str(first.id)):
        with pytest.raises(NotFoundError):
            await collections.inside(stranger, [name])
    with pytest.raises(NotFoundError):
        await collections.inside(library.owner, ["papers", "nothing"])


async def test_an_id_means_the_collection_that_has_it_and_not_one_that_is_called_so(
    library: Library, collections: Collections
) -> None:
    first = await collections.create(library.owner, "papers")
    named = await collections.create(library.owner, str(first.id))
    assert await collections.inside(library.owner, [str(first.id)]) == [first.id]
    assert await collections.inside(library.owner, [str(named.id)]) == [named.id]


async def test_the_default_collection_is_made_when_it_is_first_searched(
    library: Library, other_tenant: TenantId
) -> None:
    newcomer = replace(library.owner, tenant_id=other_tenant)
    [made] = await library.documents.inside(newcomer, [])
    assert await library.documents.inside(newcomer, [DEFAULT_COLLECTION]) == [made]


async def test_a_name_that_no_column_can_hold_is_refused_and_the_next_one_is_found(
    library: Library, collections: Collections
) -> None:
    made = await collections.create(library.owner, "papers")
    for hostile in ("nul\x00", "half \ud800"):
        with pytest.raises(InvalidError):
            await collections.inside(library.owner, ["papers", hostile])
        assert await collections.inside(library.owner, ["papers"]) == [made.id]
