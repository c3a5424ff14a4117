"""The pool: what it refuses, what it gives back, and what it says when it cannot serve."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from citewell.domain.errors import InvalidError, StartError, UnavailableError
from citewell.domain.ids import TenantId
from citewell.storage.database import Database, parse_url
from tests.unit.storage.rows import add_collection, execute

DISCONNECT_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid != pg_backend_pid()"
)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://h/d", "postgresql://h:port/d", "sqlite:///x", "http://[::1"]
)
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(StartError, match="not a PostgreSQL address") as refused:
        Database.connect(url)
    assert "postgresql://" in refused.value.hint


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_is_understood(scheme: str) -> None:
    parsed = parse_url(f"{scheme}://ada:s%40crt@db.example:5433/books?sslmode=require")
    assert parsed.drivername == "postgresql+psycopg"
    assert (parsed.host, parsed.port, parsed.database) == ("db.example", 5433, "books")
    assert parsed.password == "s@crt"


async def test_an_address_without_a_server_is_unavailable() -> None:
    database = Database.connect("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(UnavailableError) as refused:
        await database.ping()
    assert refused.value.retryable
    await database.close()


async def test_a_transaction_that_fails_leaves_nothing(
    database: Database, tenant: TenantId
) -> None:
    async def failing() -> None:
        async with database.transaction(tenant) as tx:
            await add_collection(tx)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await failing()
    async with database.transaction(tenant) as tx:
        assert await tx.collections.page() == []


async def test_a_transaction_that_is_cancelled_leaves_nothing_and_gives_its_connection_back(
    postgres_url: str, tenant: TenantId
) -> None:
    database = Database.connect(postgres_url, pool_size=1)
    for _ in range(30):
        inside = asyncio.Event()

        async def story(inside: asyncio.Event) -> None:
            async with database.transaction(tenant) as tx:
                await add_collection(tx)
                inside.set()
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(story(inside))
            await inside.wait()
            task.cancel()
    async with database.transaction(tenant) as tx:
        assert await tx.collections.page() == []
    await database.close()


async def test_a_connection_that_breaks_costs_one_transaction(
    postgres_url: str, tenant: TenantId
) -> None:
    database = Database.connect(postgres_url, pool_size=2)
    admin = Database.connect(postgres_url, pool_size=1)
    await database.ping()
    await execute(admin, DISCONNECT_OTHERS)
    with pytest.raises(UnavailableError):
        await database.ping()
    for _ in range(4):
        await database.ping()
    await database.close()
    await admin.close()


async def counted(database: Database, tenant: TenantId) -> int:
    ((count,),) = await database.read(tenant, text("SELECT count(*) FROM collections"), {})
    return int(count)


async def test_a_single_read_is_planned_once_and_leaves_the_planner_as_it_was(
    postgres_url: str, tenant: TenantId
) -> None:
    """However many keys it names: planned for each list, it reads whole tables from some length."""
    database = Database.connect(postgres_url, pool_size=1)
    mode = text("SELECT current_setting('plan_cache_mode')")
    assert await database.read(tenant, mode, {}) == [("force_generic_plan",)]
    async with database.transaction(tenant) as tx:
        assert (await tx.connection.execute(mode)).scalar_one() == "auto"
    await database.close()


async def test_a_single_read_changes_nothing(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        await add_collection(tx)
    removing = text("DELETE FROM collections WHERE tenant_id = :tenant RETURNING 1")
    with pytest.raises(DBAPIError, match="read-only transaction"):
        await database.read(tenant, removing, {})
    assert await counted(database, tenant) == 1


@pytest.mark.parametrize("value", ["\0", "\ud800"])
async def test_a_single_read_that_fails_leaves_the_next_one_whole(
    postgres_url: str, tenant: TenantId, value: str
) -> None:
    database = Database.connect(postgres_url, pool_size=1)
    for _ in range(3):
        with pytest.raises(InvalidError):
            await database.read(tenant, text("SELECT CAST(:value AS text)"), {"value": value})
        assert await counted(database, tenant) == 0
    async with database.transaction(tenant) as tx:
        await add_collection(tx)
    assert await counted(database, tenant) == 1
    await database.close()


async def test_a_single_read_that_is_cancelled_gives_its_place_in_the_pool_back(
    postgres_url: str, tenant: TenantId
) -> None:
    database = Database.connect(postgres_url, pool_size=1)
    sleeping = text("SELECT pg_sleep(60), :tenant")
    for _ in range(30):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await database.read(tenant, sleeping, {})
        assert await counted(database, tenant) == 0
    await database.close()


async def test_a_server_that_is_lost_costs_one_single_read(
    postgres_url: str, tenant: TenantId
) -> None:
    database = Database.connect(postgres_url)
    await asyncio.gather(*(counted(database, tenant) for _ in range(8)))
    admin = Database.connect(postgres_url, pool_size=1)
    await execute(admin, DISCONNECT_OTHERS)
    with pytest.raises(UnavailableError):
        await counted(database, tenant)
    for _ in range(8):
        assert await counted(database, tenant) == 0
    await database.close()
    await admin.close()


async def test_a_server_in_use_says_how_durable_it_is(database: Database) -> None:
    assert await database.durability() == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }
