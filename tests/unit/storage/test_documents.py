"""Documents and their versions: what is found, what is latest, and what is gone."""

import pytest

from citewell.domain.documents import DocumentStatus, Heading, PageSpan, ParsedText, TextKind
from citewell.domain.errors import InvalidError, NotFoundError
from citewell.domain.ids import TenantId
from citewell.storage.database import Database
from citewell.storage.repositories.documents import DocumentQuery
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.versions import StoredBlob
from tests.unit.storage.rows import add_collection, add_document, add_searchable


async def test_a_new_document_is_received_and_described(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        new = NewDocument(collection.id, "Title", "a.txt", ["x", "y"], {"year": 1999})
        document_id = await tx.documents.add(new)
        with pytest.raises(NotFoundError):
            await tx.documents.get(document_id)  # Nothing was kept of it yet.
        blob = StoredBlob("k1", "5a", 3, "text/plain")
        version_id = await tx.versions.add(document_id, blob)
        found = await tx.documents.get(document_id)
        assert await tx.versions.blob(document_id) == blob
    assert found.status is DocumentStatus.RECEIVED
    assert (found.title, found.tags, found.metadata) == ("Title", ("x", "y"), {"year": 1999})
    assert (found.version_id, found.version_number, found.size) == (version_id, 1, 3)


async def test_versions_are_counted_and_the_last_is_the_latest(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        second = await tx.versions.add(stored.document_id, StoredBlob("k2", "5b", 4))
        found = await tx.documents.get(stored.document_id)
        assert (found.version_number, found.version_id) == (2, second)
        assert await tx.documents.shown(stored.document_id) == stored.version_id
        assert await tx.versions.current(stored.document_id) == stored.version_id


async def test_documents_are_listed_newest_first_and_by_what_is_asked(
    database: Database, tenant: TenantId
) -> None:
    names = ["alpha.txt", "Beta.txt", "100%.txt", "under_score.txt"]
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        other = await add_collection(tx, "other")
        made = [(await add_document(tx, collection.id, name))[0] for name in names]
        await add_document(tx, other.id, "elsewhere.txt")
        await tx.documents.set_status(made[0], DocumentStatus.READY)

    async def listed(query: DocumentQuery) -> list[str]:
        async with database.transaction(tenant) as tx:
            return [document.filename for document in await tx.documents.page(query)]

    assert await listed(DocumentQuery(limit=2)) == ["elsewhere.txt", "under_score.txt"]
    assert await listed(DocumentQuery(collection_id=collection.id)) == names[::-1]
    assert await listed(DocumentQuery(before=made[2])) == names[1::-1]
    assert await listed(DocumentQuery(status=DocumentStatus.READY)) == ["alpha.txt"]
    assert await listed(DocumentQuery(text="BETA")) == ["Beta.txt"]
    assert await listed(DocumentQuery(text="%")) == ["100%.txt"]
    assert await listed(DocumentQuery(text="r_s")) == ["under_score.txt"]
    assert await listed(DocumentQuery(text="'; DROP TABLE documents; --")) == []


@pytest.mark.parametrize("text", ["\x00", "a\ud800b"])
async def test_what_no_column_can_hold_is_invalid(
    database: Database, tenant: TenantId, text: str
) -> None:
    with pytest.raises(InvalidError):
        async with database.transaction(tenant) as tx:
            await tx.documents.page(DocumentQuery(text=text))
    with pytest.raises(InvalidError):
        async with database.transaction(tenant) as tx:
            await tx.collections.find(text)
    await database.ping()


async def test_known_content_and_names_are_found_among_live_documents(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        older, _ = await add_document(tx, collection.id, "a.txt", "5a")
        newer, _ = await add_document(tx, collection.id, "a.txt", "5a")
        other = await add_collection(tx, "other")

    async def known(sha256: str = "5a", filename: str = "a.txt") -> list[object]:
        async with database.transaction(tenant) as tx:
            found = [
                await tx.documents.by_content(collection.id, sha256),
                await tx.documents.by_filename(collection.id, filename),
            ]
            assert await tx.documents.by_content(other.id, sha256) is None
        return [document and document.id for document in found]

    assert await known() == [older, older]
    assert await known("5b", "b.txt") == [None, None]
    async with database.transaction(tenant) as tx:
        await tx.documents.set_status(older, DocumentStatus.FAILED, failure=("corrupt", "broken"))
    assert await known() == [newer, newer]
    async with database.transaction(tenant) as tx:
        await tx.documents.tombstone(newer)
    assert await known() == [None, None]


async def test_a_deleted_document_does_not_exist(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        assert await tx.documents.tombstone(stored.document_id) == stored.version_id
    async with database.transaction(tenant) as tx:
        for gone in (
            tx.documents.get(stored.document_id),
            tx.documents.lock(stored.document_id),
            tx.documents.tombstone(stored.document_id),
            tx.versions.get(stored.version_id),
            tx.versions.current(stored.document_id),
            tx.versions.blob(stored.document_id),
            tx.versions.add(stored.document_id, StoredBlob("k", "5a", 1)),
        ):
            with pytest.raises(NotFoundError):
                await gone
        assert await tx.documents.page(DocumentQuery()) == []
        assert await tx.documents.titles([stored.collection.id]) == {}
        assert (await tx.collections.get(stored.collection.id)).documents == 0


async def test_only_a_deleted_document_is_purged_and_only_bytes_that_nobody_shares(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        blob = await tx.versions.blob(stored.document_id)
        await tx.versions.add(stored.document_id, StoredBlob("mine", "5b", 1))
        other, _ = await add_document(tx, stored.collection.id, "b.txt")
        await tx.versions.add(other, blob)
        assert await tx.documents.purge(stored.document_id) == []
        assert (await tx.documents.get(stored.document_id)).version_number == 2
        await tx.documents.tombstone(stored.document_id)
        assert await tx.documents.purge(stored.document_id) == ["mine"]
        assert not any((await tx.chunks.counts(stored.document_id)).values())
        await tx.documents.tombstone(other)
        assert blob.key in await tx.documents.purge(other)


async def test_older_versions_are_dropped_with_what_hangs_on_them(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx)
        first = (await tx.versions.blob(stored.document_id)).key
        blob = StoredBlob("k2", "5b", 4)
        second = await tx.versions.add(stored.document_id, blob, keeps_older=False)
        assert not (await tx.versions.get(second)).keeps_older
        assert await tx.versions.drop_older(stored.document_id, second) == [first]
        counts = await tx.chunks.counts(stored.document_id)
    assert counts == {"versions": 1, "chunks": 0, "embeddings": 0, "blobs": 1}


async def test_the_canonical_text_comes_back_as_it_was_stored(
    database: Database, tenant: TenantId
) -> None:
    parsed = ParsedText(
        "Grüße 👋\nzweite Zeile",
        TextKind.MARKDOWN,
        pages=(PageSpan(1, 0, 7, "slide"), PageSpan(2, 7, 20)),
        headings=(Heading(0, 1, "Grüße"),),
        title="T",
        language="de",
        warnings=("one",),
        parser="p",
        code_language="python",
    )
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        document_id, version_id = await add_document(tx, collection.id)
        with pytest.raises(NotFoundError):
            await tx.versions.parsed(version_id)
        await tx.versions.store_text(version_id, parsed)
        assert await tx.versions.parsed(version_id) == parsed
        assert (await tx.documents.get(document_id)).pages == 2


async def test_progress_of_a_version_never_goes_backwards(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        collection = await add_collection(tx)
        document_id, version_id = await add_document(tx, collection.id)
        await tx.versions.set_plan(version_id, "p", 9, tokens=18)
        for done in (2, 5, 3):
            await tx.versions.set_progress(version_id, done)
        found = await tx.documents.get(document_id)
    assert (found.chunks_done, found.chunks_total) == (5, 9)


async def test_a_collection_counts_its_live_documents_and_searchable_chunks(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as tx:
        german = await add_searchable(tx, filename="a.txt", chunks=2, language="de")
        await add_searchable(tx, filename="b.txt", chunks=3)
        await add_searchable(tx, filename="c.txt", chunks=1)
        await add_document(tx, german.collection.id, "unread.txt")
        found = await tx.collections.get(german.collection.id)
        assert (found.documents, found.chunks) == (4, 6)
        profile = await tx.collections.profile(found.id)
        assert profile == [("en", "prose", 2), ("de", "prose", 1)]
        assert await tx.collections.delete(found.id) == {"documents": 4, "chunks": 6}
        assert await tx.documents.page(DocumentQuery()) == []
    async with database.system() as system:
        assert await system.blob_keys() == set()


async def test_a_space_is_made_once(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        first = await tx.spaces.ensure("m", "1", 4)
        assert await tx.spaces.ensure("m", "1", 4) == first
        assert await tx.spaces.get(first.id) == first
        others = {(await tx.spaces.ensure(*one)).id for one in [("m", "2", 4), ("m", "1", 8)]}
    assert len(others | {first.id}) == 3
