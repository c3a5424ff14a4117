"""Projections among others: let go while they are used, deleted, restored, shared on disk."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, new_id
from citewell.retrieval.loading.feed import uninterrupted
from citewell.retrieval.projections import Projections
from citewell.storage.database import Database
from citewell.telemetry import metrics
from tests.unit.retrieval.library import Book, Library
from tests.unit.retrieval.projecting import SECONDS, TEXTS, again, running, shown, until, working
from tests.unit.storage.rows import execute

ROUNDS = 8
UNKNOWN = 40


async def restore(database: Database, books: list[Book], *, head: int) -> None:
    """What a backup does: these books never came, and the log ends at `head`."""
    for book in books:
        await execute(database, "DELETE FROM documents WHERE id = :id", id=book.document_id)
    await execute(database, "DELETE FROM changes WHERE number > :head", head=head)
    await execute(database, "UPDATE collections SET head = :head", head=head)


async def delete(library: Library, collection: CollectionId) -> None:
    async with library.database.transaction(library.tenant) as tx:
        await tx.collections.delete(collection)


def held() -> tuple[float | None, ...]:
    """Projections, chunks and bytes in memory, as they are told."""
    names = ("projections", "projection_chunks", "projection_bytes")
    return tuple(metrics.REGISTRY.get_sample_value(f"citewell_{name}") for name in names)


async def test_who_asks_while_a_projection_is_let_go_is_answered(
    projections: Projections, library: Library
) -> None:
    collection = await library.collection()
    for number in range(1, ROUNDS + 1):
        await projections.view(library.tenant, collection)
        await library.add(f"Book {number}", TEXTS["Bread"])
        asked = projections.view(library.tenant, collection, min_position=number)
        compared = projections.verify(library.tenant, collection)
        view, said, *_ = await asyncio.gather(
            asked, compared, projections.close(), projections.close()
        )
        assert view.snapshot.position == number
        assert said.ok
        late = projections.view(library.tenant, collection, min_position=number)
        assert (await asyncio.gather(late, projections.close()))[0].snapshot.position == number


async def test_who_has_waited_for_a_projection_that_is_let_go_gets_it_loaded_again(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await library.add("Ships", TEXTS["Ships"])
    async with projections._shelf.hold(library.tenant, collection):
        closing = asyncio.ensure_future(projections.close())
        asking = asyncio.ensure_future(projections.view(library.tenant, collection, min_position=2))
        # A lock is given in the order in which it was asked for: first it is let go.
        done, _ = await asyncio.wait({closing, asking}, timeout=0.01)
        assert not done
    await closing
    assert (await asking).snapshot.keys().tolist() == await library.keys(collection)
    assert len(working(projections)) == 1


async def test_a_search_waits_for_nobody_who_changes_the_projection(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    keys = await shown(projections, library, bread.collection_id)
    async with projections._shelf.hold(library.tenant, bread.collection_id):
        asking = projections.view(library.tenant, bread.collection_id)
        # It ends in its first step: there is nothing that it could wait for.
        with pytest.raises(StopIteration) as ended:
            asking.send(None)
    assert ended.value.value.snapshot.keys().tolist() == keys


async def test_who_is_cancelled_waits_for_the_thread_that_works_for_him() -> None:
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(SECONDS)
        ended.set()

    asking = asyncio.ensure_future(uninterrupted(work))
    await asyncio.to_thread(began.wait, SECONDS)
    for _ in range(3):
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=0.01)
        assert not done
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended.is_set()


async def test_an_index_that_cannot_be_saved_is_let_go_all_the_same(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    keys = await shown(projections, library, bread.collection_id)
    (work,) = working(projections)
    (work / "meta.json").rename(work / "elsewhere")
    await projections.close()
    assert working(projections) == []
    assert await shown(projections, library, bread.collection_id) == keys


async def test_a_restored_database_that_has_moved_on_is_followed_from_its_own_past(
    projections: Projections, library: Library, database: Database
) -> None:
    bread, ships, stars = await library.add_all(TEXTS)
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await projections.close()
    await restore(database, [ships, stars], head=1)
    for number in range(3):
        await library.add(f"Other {number}", TEXTS["Ships"])
    other = again(projections)
    said = await other.verify(library.tenant, collection)
    assert (said.ok, said.missing, said.extra, said.position) == (True, 0, 0, 4)
    assert await shown(other, library, collection) == await library.keys(collection)
    await other.close()


async def test_a_database_that_is_restored_under_a_living_process_is_followed_too(
    projections: Projections, library: Library, database: Database
) -> None:
    bread, ships, stars = await library.add_all(TEXTS)
    collection = bread.collection_id
    await projections.view(library.tenant, collection)
    await restore(database, [stars], head=2)
    await library.delete(ships)
    await projections.catch_up()
    assert await shown(projections, library, collection) == await library.keys(collection)
    assert (await projections.verify(library.tenant, collection)).ok


async def test_of_a_deleted_collection_nothing_is_left_on_disk(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    await projections.rebuild(library.tenant, bread.collection_id)
    folder = projections.folder / str(bread.collection_id)
    assert list(folder.rglob("manifest.json")) != []
    await delete(library, bread.collection_id)
    await projections.catch_up()
    assert not folder.exists()


async def test_folders_of_collections_that_nobody_knows_are_swept_and_all_others_stay(
    projections: Projections, library: Library, neighbours: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    theirs = await neighbours.add("Ships", TEXTS["Ships"])
    gone = await library.add("Stars", TEXTS["Stars"], collection="gone")
    for of, book in ((library, bread), (neighbours, theirs), (library, gone)):
        await projections.view(of.tenant, book.collection_id)
    await projections.close()
    (projections.folder / "lost+found").mkdir()
    await delete(library, gone.collection_id)
    await projections.sweep()
    left = {path.name for path in projections.folder.iterdir()}
    assert left == {str(bread.collection_id), str(theirs.collection_id), "lost+found"}
    assert len(list(projections.folder.glob("*/*/generation-*"))) == 2


async def test_a_sweep_leaves_what_another_living_process_works_in(
    projections: Projections,
) -> None:
    space = projections.folder / str(new_id()) / str(new_id())
    used = space / f"work-{os.getppid()}-0abc"
    left = [space / "generation-000000000001-0abc", space / "work-4194305-0abc"]
    for path in (used, *left):
        path.mkdir(parents=True)
        (path / "words").touch()
    await projections.sweep()
    assert [path for path in space.rglob("*") if path.is_file()] == [used / "words"]


async def test_what_was_deleted_before_the_start_or_after_is_removed_while_it_runs(
    projections: Projections, library: Library
) -> None:
    before = await library.add("Bread", TEXTS["Bread"], collection="before")
    after = await library.add("Ships", TEXTS["Ships"], collection="after")
    for book in (before, after):
        await projections.view(library.tenant, book.collection_id)
    await projections.close()
    await delete(library, before.collection_id)

    def is_removed(book: Book) -> bool:
        return not Path(projections.folder, str(book.collection_id)).exists()

    async def is_first_removed() -> bool:
        return is_removed(before)

    async def are_both_removed() -> bool:
        return is_removed(before) and is_removed(after)

    async with running(projections):
        await until(is_first_removed)
        assert not is_removed(after)
        await delete(library, after.collection_id)
        await until(are_both_removed)


async def test_ids_that_name_nothing_leave_nothing_in_memory(
    projections: Projections, library: Library
) -> None:
    unknown = [CollectionId(new_id()) for _ in range(UNKNOWN)]
    answers = await asyncio.gather(
        *(projections.view(library.tenant, one) for one in (*unknown, *unknown)),
        return_exceptions=True,
    )
    assert {type(answer) for answer in answers} == {NotFoundError}
    del answers
    assert len(projections._shelf._opening) == 0


async def test_what_is_held_in_memory_can_be_read_from_the_metrics(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    one = (await projections.view(library.tenant, bread.collection_id)).snapshot
    assert held() == (1, one.size, one.memory_bytes)
    await library.add("Ships", TEXTS["Ships"])
    await projections.catch_up()
    two = (await projections.view(library.tenant, bread.collection_id)).snapshot
    assert held() == (1, two.size, two.memory_bytes)
    assert two.size > one.size
    await projections.close()
    assert held() == (0, 0, 0)
