"""Projections follow the change log of the database, and can always come again from it."""

import asyncio
import shutil

import pytest

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, new_id
from citewell.retrieval.projections import Projections
from citewell.storage.database import Database
from tests.unit.retrieval.library import Library, Text
from tests.unit.retrieval.projecting import TEXTS, again, running, shown, until, working
from tests.unit.storage.rows import execute


async def test_a_collection_is_built_from_the_database_when_it_is_first_asked_for(
    projections: Projections, library: Library
) -> None:
    books = await library.add_all(TEXTS)
    collection = books[0].collection_id
    assert working(projections) == []
    view = await projections.view(library.tenant, collection)
    assert view.snapshot.keys().tolist() == await library.keys(collection)
    assert view.snapshot.position == await library.head(collection) == 3
    assert view.profile.languages == {"en": 3}
    assert view.profile.titles.mentioned("About Bread") == {books[0].document_id}


async def test_an_empty_collection_is_a_view_of_nothing(
    projections: Projections, library: Library
) -> None:
    collection = await library.collection()
    assert await shown(projections, library, collection) == []
    await library.add("Bread", TEXTS["Bread"])
    await projections.catch_up()
    assert await shown(projections, library, collection) == await library.keys(collection) != []


async def test_changes_are_applied_in_order_whatever_they_are(
    projections: Projections, library: Library
) -> None:
    bread, ships, stars = await library.add_all(TEXTS)
    collection = bread.collection_id
    before = await shown(projections, library, collection)
    await library.delete(ships)
    newer = await library.replace(stars, Text("Planets", "Planets shine by the light of a star."))
    # A view is what it was until somebody catches up.
    assert await shown(projections, library, collection) == before
    await projections.catch_up()
    assert await shown(projections, library, collection) == await library.keys(collection)
    await library.delete(newer)
    await library.delete(bread)
    await projections.catch_up()
    view = await projections.view(library.tenant, collection)
    assert (view.snapshot.size, view.snapshot.position) == (0, await library.head(collection))
    assert view.profile.languages == {}


async def test_a_document_that_came_and_went_unseen_leaves_no_trace(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    kept = await shown(projections, library, bread.collection_id)
    ships = await library.add("Ships", TEXTS["Ships"])
    await library.delete(ships)
    await projections.catch_up()
    assert await shown(projections, library, bread.collection_id) == kept


async def test_who_names_a_position_sees_at_least_that_much(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await library.add("Ships", TEXTS["Ships"])
    old = await projections.view(library.tenant, collection, min_position=1)
    assert old.snapshot.position == 1
    new = await projections.view(library.tenant, collection, min_position=2)
    assert new.snapshot.position == 2
    assert new.snapshot.keys().tolist() == await library.keys(collection)


async def test_a_position_that_was_never_written_is_not_found(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    with pytest.raises(NotFoundError, match="change number 7"):
        await projections.view(library.tenant, bread.collection_id, min_position=7)


async def test_changes_are_seen_by_themselves_while_it_runs(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    await projections.view(library.tenant, bread.collection_id)

    async def is_up_to_date() -> bool:
        keys = await library.keys(bread.collection_id)
        return await shown(projections, library, bread.collection_id) == keys

    async with running(projections):
        ships = await library.add("Ships", TEXTS["Ships"])
        await until(is_up_to_date)
        await library.delete(ships)
        await until(is_up_to_date)


async def test_what_was_saved_opens_again_without_the_database_being_read(
    projections: Projections, library: Library, database: Database
) -> None:
    bread, *_ = await library.add_all(TEXTS)
    collection = bread.collection_id
    keys = await shown(projections, library, collection)
    await projections.close()
    assert working(projections) == []
    # Were the index built from the database, it would be empty now.
    await execute(database, "DELETE FROM embeddings")
    other = again(projections)
    assert await shown(other, library, collection) == keys
    await other.close()


async def test_an_index_that_was_deleted_comes_again(
    projections: Projections, library: Library
) -> None:
    bread, *_ = await library.add_all(TEXTS)
    keys = await shown(projections, library, bread.collection_id)
    await projections.close()
    shutil.rmtree(projections.folder)
    other = again(projections)
    assert await shown(other, library, bread.collection_id) == keys
    assert (await other.verify(library.tenant, bread.collection_id)).ok
    await other.close()


async def test_a_damaged_index_is_named_and_comes_again(
    projections: Projections, library: Library
) -> None:
    bread, *_ = await library.add_all(TEXTS)
    collection = bread.collection_id
    keys = await shown(projections, library, collection)
    await projections.close()
    rows = next(projections.folder.glob("*/*/generation-*/*.rows.npy"))
    content = bytearray(rows.read_bytes())
    content[-1] ^= 1
    rows.unlink()
    rows.write_bytes(bytes(content))
    other = again(projections)
    assert await shown(other, library, collection) == keys
    said = await other.verify(library.tenant, collection)
    assert "rows.npy" in said.damage
    assert (said.ok, said.missing, said.extra) == (False, 0, 0)
    await other.close()


async def test_a_database_restored_to_an_earlier_state_is_followed_back(
    projections: Projections, library: Library, database: Database
) -> None:
    bread, ships, stars = await library.add_all(TEXTS)
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await projections.close()
    for book in (ships, stars):
        await execute(database, "DELETE FROM documents WHERE id = :id", id=book.document_id)
    await execute(database, "DELETE FROM changes WHERE number > 1")
    await execute(database, "UPDATE collections SET head = 1")
    other = again(projections)
    view = await other.view(library.tenant, collection)
    assert view.snapshot.position == 1
    assert view.snapshot.keys().tolist() == await library.keys(collection)
    assert (await other.verify(library.tenant, collection)).ok
    await other.close()


async def test_verification_counts_what_is_missing_and_what_is_too_much(
    projections: Projections, library: Library, database: Database
) -> None:
    bread, ships, _ = await library.add_all(TEXTS)
    collection = bread.collection_id
    said = await projections.verify(library.tenant, collection)
    assert (said.ok, said.position, said.chunks, said.missing, said.extra) == (True, 3, 3, 0, 0)
    await library.delete(ships, announced=False)
    said = await projections.verify(library.tenant, collection)
    assert (said.ok, said.chunks, said.missing, said.extra) == (False, 2, 0, 1)
    await execute(database, "UPDATE documents SET deleted_at = NULL")
    await execute(
        database,
        "UPDATE documents SET active_version_id = latest_version_id",
    )
    assert (await projections.verify(library.tenant, collection)).ok


async def test_a_rebuild_mends_what_the_change_log_cannot(
    projections: Projections, library: Library
) -> None:
    bread, ships, _ = await library.add_all(TEXTS)
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await library.delete(ships, announced=False)
    assert await projections.rebuild(library.tenant, collection) == 2
    assert await shown(projections, library, collection) == await library.keys(collection)
    assert (await projections.verify(library.tenant, collection)).ok
    # And it is on disk: a process that starts now finds it so.
    other = again(projections)
    assert await shown(other, library, collection) == await library.keys(collection)
    await other.close()


async def test_searches_that_come_together_load_a_collection_once(
    projections: Projections, library: Library
) -> None:
    bread, *_ = await library.add_all(TEXTS)
    views = await asyncio.gather(
        *(projections.view(library.tenant, bread.collection_id) for _ in range(12))
    )
    assert len({id(view.snapshot) for view in views}) == 1
    assert len(working(projections)) == 1


async def test_what_was_used_longest_ago_is_let_go_when_memory_is_short(
    projections: Projections, library: Library
) -> None:
    names = ("one", "two", "three")
    books = [await library.add("Bread", TEXTS["Bread"], collection=name) for name in names]
    short = again(projections, memory_bytes=1)
    async with running(short):
        for book in books:
            await short.view(library.tenant, book.collection_id)
        last = short.folder / str(books[-1].collection_id)

        async def only_the_last_is_loaded() -> bool:
            return {path.parents[1] for path in working(short)} == {last}

        await library.add("Ships", TEXTS["Ships"], collection="one")
        await until(only_the_last_is_loaded)
        # What was let go was saved, and answers as before when it is asked for.
        for book in books:
            keys = await library.keys(book.collection_id)
            assert await shown(short, library, book.collection_id) == keys
    await short.close()


async def test_a_view_that_was_taken_outlives_the_projection(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    view = await projections.view(library.tenant, bread.collection_id)
    await projections.close()
    keys = await library.keys(bread.collection_id)
    assert view.snapshot.keys().tolist() == keys
    assert view.snapshot.lexical.keys().tolist() == keys


async def test_a_collection_of_another_tenant_is_not_found_loaded_or_not(
    projections: Projections, library: Library, neighbours: Library
) -> None:
    theirs = await neighbours.add("Bread", TEXTS["Bread"])
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await projections.view(library.tenant, theirs.collection_id)
        # Now it is in memory, and still nobody else's.
        await projections.view(neighbours.tenant, theirs.collection_id)
    with pytest.raises(NotFoundError):
        await projections.verify(library.tenant, theirs.collection_id)
    with pytest.raises(NotFoundError):
        await projections.rebuild(library.tenant, theirs.collection_id)


async def test_a_collection_that_does_not_exist_is_not_found_and_leaves_nothing_on_disk(
    projections: Projections, library: Library
) -> None:
    with pytest.raises(NotFoundError):
        await projections.view(library.tenant, CollectionId(new_id()))
    assert list(projections.folder.glob("*")) == []


async def test_a_deleted_collection_is_let_go(projections: Projections, library: Library) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    await projections.view(library.tenant, bread.collection_id)
    async with library.database.transaction(library.tenant) as tx:
        await tx.collections.delete(bread.collection_id)
    await projections.catch_up()
    assert working(projections) == []
    with pytest.raises(NotFoundError):
        await projections.view(library.tenant, bread.collection_id)
