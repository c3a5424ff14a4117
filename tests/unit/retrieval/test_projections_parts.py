"""What is larger than a batch arrives whole, also when the database goes away in the middle."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from citewell.domain.errors import UnavailableError
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.retrieval.projections import Projections
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.transaction import Transaction
from tests.unit.retrieval.library import Book, Library
from tests.unit.retrieval.projecting import TEXTS, again, shown, working

BATCH = 3
LONG = "\n\n".join(
    f"# Part {number}\n\n" + f"Sentence {number} is about bread, ships and stars. " * 20
    for number in range(8)
)


@dataclass(frozen=True)
class Failing(Database):
    """A database whose server goes away once, after the transactions that are `left`."""

    left: list[None] = field(default_factory=list)
    armed: list[None] = field(default_factory=list)

    def fail_after(self, transactions: int) -> None:
        self.left[:] = [None] * transactions
        self.armed.append(None)

    @asynccontextmanager
    async def transaction(self, who: Principal | TenantId) -> AsyncIterator[Transaction]:
        if self.armed and not self.left:
            self.armed.clear()
            raise UnavailableError("The database does not answer.")
        if self.left:
            self.left.pop()
        async with super().transaction(who) as tx:
            yield tx


def failing(database: Database) -> Failing:
    return Failing(database.engine, database.url, database.vault)


async def long_book(library: Library) -> Book:
    book = await library.add("Long", LONG)
    assert len(await library.keys(book.collection_id)) > 2 * BATCH
    return book


async def test_a_version_that_is_larger_than_a_batch_is_whole_when_it_is_built(
    projections: Projections, library: Library
) -> None:
    book = await long_book(library)
    small = again(projections, batch=BATCH)
    assert await shown(small, library, book.collection_id) == await library.keys(book.collection_id)
    assert await small.rebuild(library.tenant, book.collection_id) > 2 * BATCH
    assert (await small.verify(library.tenant, book.collection_id)).ok
    await small.close()


async def test_a_version_that_is_larger_than_a_batch_is_whole_when_it_comes_as_a_change(
    projections: Projections, library: Library
) -> None:
    collection = await library.collection()
    small = again(projections, batch=BATCH)
    assert await shown(small, library, collection) == []
    book = await long_book(library)
    await library.add_all(TEXTS)
    await small.catch_up()
    assert await shown(small, library, collection) == await library.keys(collection)
    # Once more: whatever was there of the version is replaced.
    async with library.database.transaction(library.tenant) as tx:
        put = (collection, ChangeKind.PUT, book.document_id, book.version_id)
        await tx.collections.publish(*put)
    await small.catch_up()
    assert await shown(small, library, collection) == await library.keys(collection)
    await small.close()


async def test_of_a_version_that_is_put_again_with_less_nothing_old_is_left(
    projections: Projections, library: Library
) -> None:
    bread = await library.add("Bread", TEXTS["Bread"])
    assert await shown(projections, library, bread.collection_id) != []
    async with library.database.transaction(library.tenant) as tx:
        await tx.chunks.clear(bread.version_id)
        put = (bread.collection_id, ChangeKind.PUT, bread.document_id, bread.version_id)
        await tx.collections.publish(*put)
    await projections.catch_up()
    assert await shown(projections, library, bread.collection_id) == []


async def test_a_rebuild_that_the_database_interrupts_is_not_taken_for_the_whole(
    projections: Projections, library: Library
) -> None:
    book = await long_book(library)
    database = failing(projections.database)
    small = again(projections, batch=BATCH, database=database)
    keys = await shown(small, library, book.collection_id)
    # The head, then a part in each transaction.
    for transactions in range(4):
        database.fail_after(transactions)
        with pytest.raises(UnavailableError):
            await small.rebuild(library.tenant, book.collection_id)
        await small.catch_up()
        assert await shown(small, library, book.collection_id) == keys
    await small.close()


async def test_an_index_that_cannot_be_opened_whole_leaves_no_working_folder(
    projections: Projections, library: Library
) -> None:
    book = await long_book(library)
    for transactions in range(1, 5):
        database = failing(projections.database)
        database.fail_after(transactions)
        small = again(projections, batch=BATCH, database=database)
        with pytest.raises(UnavailableError):
            await small.view(library.tenant, book.collection_id)
        assert working(small) == []
        # And the next who asks is answered.
        keys = await library.keys(book.collection_id)
        assert await shown(small, library, book.collection_id) == keys
        await small.close()
        shutil.rmtree(small.folder)
