"""The change log: numbers are dense, and none appears before a smaller one."""

import asyncio
import random

import pytest

from citewell.domain.documents import Collection
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, TenantId, VersionId, new_id
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from tests.unit.storage.rows import add_collection

PUBLISHERS = 8
EACH = 12


@pytest.fixture
async def collection(database: Database, tenant: TenantId) -> Collection:
    async with database.transaction(tenant) as tx:
        return await add_collection(tx)


class UndoneError(Exception):
    """Raised in a publishing transaction so that it rolls back."""


def fail_if(fails: bool) -> None:
    if fails:
        raise UndoneError


async def publish(
    database: Database, tenant: TenantId, collection: Collection, *, fails: bool = False
) -> list[int]:
    """The number that was committed, if one was."""
    try:
        async with database.transaction(tenant) as tx:
            number = await tx.collections.publish(
                collection.id, ChangeKind.PUT, DocumentId(new_id()), VersionId(new_id())
            )
            fail_if(fails)
    except UndoneError:
        return []
    return [number]


async def look(database: Database, tenant: TenantId, collection: Collection) -> list[int]:
    async with database.transaction(tenant) as tx:
        return [c.number for c in await tx.collections.changes(collection.id, after=0)]


async def test_concurrent_publishers_leave_no_gap_and_no_repeat(
    database: Database, tenant: TenantId, collection: Collection, seed: int
) -> None:
    dice = random.Random(seed)

    async def publisher() -> list[int]:
        fates = [dice.random() < 0.25 for _ in range(EACH)]
        done = [await publish(database, tenant, collection, fails=fails) for fails in fates]
        return [number for numbers in done for number in numbers]

    async def reader() -> list[list[int]]:
        return [await look(database, tenant, collection) for _ in range(40)]

    async with asyncio.TaskGroup() as group:
        looks = group.create_task(reader())
        publishers = [group.create_task(publisher()) for _ in range(PUBLISHERS)]

    # Whenever somebody looked, everything up to the largest number was there already.
    for numbers in looks.result():
        assert numbers == list(range(1, len(numbers) + 1))
    committed = sorted(number for one in publishers for number in one.result())
    assert committed == list(range(1, len(committed) + 1))
    assert await look(database, tenant, collection) == committed


async def test_a_number_is_not_visible_before_its_transaction_commits(
    database: Database, tenant: TenantId, collection: Collection
) -> None:
    async with database.transaction(tenant) as writer:
        await writer.collections.publish(
            collection.id, ChangeKind.PUT, DocumentId(new_id()), VersionId(new_id())
        )
        async with database.transaction(tenant) as reader:
            assert await reader.collections.changes(collection.id, after=0) == []
            assert (await reader.collections.head(collection.id))[1] == 0
    async with database.transaction(tenant) as reader:
        changes = await reader.collections.changes(collection.id, after=0)
        assert [(c.number, c.kind) for c in changes] == [(1, ChangeKind.PUT)]
        assert await reader.collections.changes(collection.id, after=1) == []


async def test_publishing_into_no_collection_is_not_found(
    database: Database, tenant: TenantId
) -> None:
    with pytest.raises(NotFoundError):
        async with database.transaction(tenant) as tx:
            await tx.collections.publish(
                CollectionId(new_id()), ChangeKind.PUT, DocumentId(new_id()), VersionId(new_id())
            )


async def test_the_log_goes_with_its_collection(
    database: Database, tenant: TenantId, collection: Collection
) -> None:
    async with database.transaction(tenant) as tx:
        await tx.collections.publish(
            collection.id, ChangeKind.PUT, DocumentId(new_id()), VersionId(new_id())
        )
        assert await tx.collections.delete(collection.id) == {"documents": 0, "chunks": 0}
    async with database.transaction(tenant) as tx:
        assert await tx.collections.changes(collection.id, after=0) == []
        assert await tx.collections.find(str(collection.id)) is None


async def test_a_name_belongs_to_one_collection_of_a_tenant(
    database: Database, tenant: TenantId, other_tenant: TenantId, collection: Collection
) -> None:
    async with database.transaction(other_tenant) as tx:
        assert (await add_collection(tx)).id != collection.id
    async with database.transaction(tenant) as tx:
        with pytest.raises(ConflictError):
            await tx.collections.create(collection.name, "", collection.active_space_id)
    async with database.transaction(tenant) as tx:
        second = await tx.collections.create("second", "", collection.active_space_id)
    with pytest.raises(ConflictError):
        async with database.transaction(tenant) as tx:
            await tx.collections.update(second.id, name=collection.name, description=None)
    async with database.transaction(tenant) as tx:
        renamed = await tx.collections.update(second.id, name="third", description="said")
        assert (renamed.name, renamed.description) == ("third", "said")
        same = await tx.collections.update(second.id, name="third", description=None)
        assert same == renamed


async def test_two_that_create_one_name_at_once_get_one_collection(
    database: Database, tenant: TenantId
) -> None:
    async def ensure() -> CollectionId:
        async with database.transaction(tenant) as tx:
            return (await add_collection(tx, "shared")).id

    assert len(set(await asyncio.gather(*(ensure() for _ in range(8))))) == 1
