"""Chunks: written once however often, and seen only while their document is searchable."""

from typing import Any

import numpy as np
import pytest

from citewell.domain.documents import TextKind
from citewell.domain.errors import InvalidError
from citewell.domain.ids import CollectionId, TenantId, new_id
from citewell.storage.database import Database
from citewell.storage.repositories.filters import MAX_CONDITIONS, MAX_VALUES, compile_filter
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.transaction import Transaction
from tests.unit.storage.rows import (
    DIMENSION,
    Stored,
    add_collection,
    add_document,
    add_searchable,
    make_chunk,
)


async def keys_of(tx: Transaction, stored: Stored) -> list[int]:
    return [row.key for row in await tx.chunks.of_document(stored.version_id, after=-1, limit=99)]


async def test_chunks_written_twice_are_there_once(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx, chunks=3)
        before = await keys_of(tx, stored)
        space = stored.collection.active_space_id
        again = [make_chunk(stored.version_id, i) for i in (2, 1, 3)]
        await tx.chunks.put(stored.document_id, stored.version_id, space, again)
        await tx.chunks.put(stored.document_id, stored.version_id, space, [])
        after = await keys_of(tx, stored)
        assert after[:3] == before
        assert len(after) == 4
        assert await tx.chunks.done(stored.version_id, space) == {0, 1, 2, 3}
        counts = await tx.chunks.counts(stored.document_id)
        assert (counts["chunks"], counts["embeddings"]) == (4, 4)


async def test_vectors_come_back_as_float16_in_rows(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx, chunks=5)
        space = stored.collection.active_space_id
        entries = await tx.chunks.entries(stored.collection.id, space, after=0, limit=99)
        assert [entry.ordinal for entry in entries] == list(range(5))
        for entry in entries:
            expected = make_chunk(stored.version_id, entry.ordinal).vectors
            assert entry.vectors.dtype == np.float16
            assert np.array_equal(entry.vectors, expected.astype(np.float16))
            assert entry.vectors.shape == (2, DIMENSION)
        middle = entries[1].key
        rest = await tx.chunks.entries_of(stored.version_id, space, after=middle, limit=2)
        assert [entry.ordinal for entry in rest] == [2, 3]


async def test_a_chunk_without_a_vector_of_the_space_is_not_done(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx, chunks=2)
        other = await tx.spaces.ensure("other model", "1", DIMENSION)
        assert await tx.chunks.done(stored.version_id, other.id) == set()
        assert await tx.chunks.entries(stored.collection.id, other.id, after=0, limit=9) == []
        batch = [make_chunk(stored.version_id, 1)]
        await tx.chunks.put(stored.document_id, stored.version_id, other.id, batch)
        assert await tx.chunks.done(stored.version_id, other.id) == {1}


async def searchable(
    database: Database, tenant: TenantId, stored: Stored, keys: list[int]
) -> set[int]:
    """Those of the keys that any way of asking shows; every way must agree."""
    collection, space = stored.collection.id, stored.collection.active_space_id
    live = set(await database.live(tenant, keys, [collection]))
    async with database.transaction(tenant) as tx:
        entries = await tx.chunks.entries(collection, space, after=0, limit=999)
        assert {entry.key for entry in entries} == live
        assert set((await tx.chunks.live_keys(collection)).tolist()) == live
        assert set((await tx.chunks.matching([collection], {})).tolist()) == live
        of = await tx.chunks.entries_of(stored.version_id, space, after=0, limit=999)
        assert {entry.key for entry in of} <= live
    return live


async def test_a_deleted_document_is_gone_from_every_search_at_once(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored, kept = await add_searchable(tx), await add_searchable(tx, filename="b.txt")
        mine, others = await keys_of(tx, stored), await keys_of(tx, kept)
    assert await searchable(database, tenant, stored, mine + others) == {*mine, *others}
    async with database.transaction(tenant) as tx:
        await tx.documents.tombstone(stored.document_id)
    assert await searchable(database, tenant, stored, mine + others) == set(others)


async def test_only_the_version_that_is_shown_is_searched(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        first = await add_searchable(tx, chunks=2)
        old = await keys_of(tx, first)
        version = await tx.versions.add(first.document_id, StoredBlob("k2", "5b", 1))
        second = Stored(first.collection, first.document_id, version)
        await tx.versions.set_plan(version, "p1", 1, tokens=2)
        space = first.collection.active_space_id
        await tx.chunks.put(first.document_id, version, space, [make_chunk(version, 0)])
        new = await keys_of(tx, second)
    assert await searchable(database, tenant, second, old + new) == set(old)
    async with database.transaction(tenant) as tx:
        await tx.documents.update(first.document_id, {"active_version_id": version})
    assert await searchable(database, tenant, second, old + new) == set(new)


async def test_a_document_that_was_never_shown_is_not_searched(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        document_id, version_id = await add_document(tx, collection.id)
        space = collection.active_space_id
        await tx.chunks.put(document_id, version_id, space, [make_chunk(version_id, 0)])
        stored = Stored(collection, document_id, version_id)
        keys = await keys_of(tx, stored)
    assert await searchable(database, tenant, stored, keys) == set()


async def test_a_chunk_is_live_only_in_its_own_collection_and_tenant(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        await tx.documents.update(stored.document_id, {"metadata": {"year": 1999}})
        keys = await keys_of(tx, stored)
    mine = stored.collection.id
    assert await database.live(tenant, keys, [CollectionId(new_id())]) == {}
    assert await database.live(tenant, keys, []) == {}
    assert await database.live(tenant, [], [mine]) == {}
    assert await database.live(other_tenant, keys, [mine]) == {}
    found = (await database.live(tenant, keys, [mine]))[keys[1]]
    assert (found.key, found.document_id, found.version_id, found.collection_id) == (
        keys[1], stored.document_id, stored.version_id, mine,
    )  # fmt: skip
    assert (found.text, found.start, found.end, found.page) == ("some words", 10, 20, 1)
    assert (found.filename, found.language, found.headings) == ("a.txt", "en", ("H",))
    assert (found.kind, found.ordinal, found.metadata) == (TextKind.PROSE, 1, {"year": 1999})


async def test_a_new_pipeline_starts_from_nothing(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        await tx.chunks.clear(stored.version_id)
        counts = await tx.chunks.counts(stored.document_id)
    assert (counts["chunks"], counts["embeddings"]) == (0, 0)


@pytest.fixture
async def library(database: Database, tenant: TenantId) -> dict[str, Stored]:
    """Two documents with different descriptions, one chunk each."""
    async with database.transaction(tenant) as tx:
        english = await add_searchable(tx, filename="a.txt", chunks=1)
        german = await add_searchable(tx, filename="b.txt", chunks=1, language="de")
        said: dict[str, Any] = {"year": 1999, "draft": True, "by": {"x": 1}, "na'me": "O'Hara"}
        await tx.documents.update(english.document_id, {"tags": ["x", "y"], "metadata": said})
        await tx.documents.update(german.document_id, {"tags": ["y"], "title": "Über"})
    return {"a": english, "b": german}


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "ab"),
    ({"tags": "x"}, "a"),
    ({"tags": ["x", "y"]}, "ab"),
    ({"tags": "z"}, ""),
    ({"language": "de"}, "b"),
    ({"language": ["de", "en"]}, "ab"),
    ({"title": "Über"}, "b"),
    ({"filename": "a.txt"}, "a"),
    ({"media_type": "text/plain"}, "ab"),
    ({"metadata.year": 1999}, "a"),
    ({"metadata.year": "1999"}, "a"),
    ({"metadata.year": [1998, 2000]}, ""),
    ({"metadata.draft": True}, "a"),
    ({"metadata.draft": False}, ""),
    ({"metadata.nothing": "x"}, ""),
    ({"tags": "y", "language": "de"}, "b"),
    ({"tags": "x", "language": "de"}, ""),
    ({"title": "'; DROP TABLE chunks; --"}, ""),
]


async def test_a_filter_shows_what_meets_every_field(
    database: Database, tenant: TenantId, library: dict[str, Stored]
) -> None:
    collection = library["a"].collection.id
    async with database.transaction(tenant) as tx:
        keys = {name: set(await keys_of(tx, stored)) for name, stored in library.items()}
        by_id = {"document_id": str(library["b"].document_id)}
        for wanted, expected in [*FILTERS, (by_id, "b")]:
            found = set((await tx.chunks.matching([collection], wanted)).tolist())
            assert found == set().union(*(keys[name] for name in expected)), wanted


REFUSED: list[dict[str, Any]] = [
    {"unknown": "x"},
    {"metadata.": "x"},
    {"metadata.x'y": "x"},
    {"d.title": "x"},
    {"title": {"$ne": "x"}},
    {"title": None},
    {"title": []},
    {"title": ["x"] * (MAX_VALUES + 1)},
    {"title": "a\x00b"},
    {"title": "a\ud800b"},
]


@pytest.mark.parametrize("wanted", REFUSED, ids=range(len(REFUSED)))
def test_a_filter_that_cannot_be_understood_names_its_field(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as refused:
        compile_filter({"tags": "x", **wanted})
    assert [problem.field for problem in refused.value.errors] == [f"filter.{next(iter(wanted))}"]


def test_a_filter_of_too_many_fields_is_refused() -> None:
    with pytest.raises(InvalidError, match="at most"):
        compile_filter({f"metadata.k{i}": "x" for i in range(MAX_CONDITIONS + 1)})


def test_no_word_of_a_filter_becomes_sql() -> None:
    marker = "zz9'; --"
    conditions, values = compile_filter({"title": marker, "tags": [marker], "metadata.k": marker})
    assert marker not in conditions
    assert list(values.values()).count([marker]) == 3
