"""The pool: what it refuses, what it gives back, and what it says when it cannot serve."""

import asyncio

import pytest

from citewell.domain.errors import StartError, UnavailableError
from citewell.domain.ids import TenantId
from citewell.storage.database import Database, parse_url
from tests.unit.storage.rows import add_collection, execute


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
    await execute(
        admin,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()",
    )
    with pytest.raises(UnavailableError):
        await database.ping()
    for _ in range(4):
        await database.ping()
    await database.close()
    await admin.close()


async def test_a_server_in_use_says_how_durable_it_is(database: Database) -> None:
    assert await database.durability() == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }
