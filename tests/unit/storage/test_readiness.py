"""A start refuses a database whose roles are not bound by row-level security."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from citewell.bootstrap import open_core
from citewell.config import Settings
from citewell.domain.errors import StartError
from citewell.storage.database import Database
from citewell.storage.readiness import assert_sound
from tests.conftest import PostgresServer

# What an administrator may have done, how it is taken back, and what is said about it.
LOOSE = [
    (
        "ALTER ROLE citewell_app SUPERUSER",
        "ALTER ROLE citewell_app NOSUPERUSER",
        "citewell_app is a superuser",
    ),
    (
        "ALTER ROLE citewell_system BYPASSRLS",
        "ALTER ROLE citewell_system NOBYPASSRLS",
        "citewell_system bypasses row-level security",
    ),
    (
        "ALTER ROLE citewell_app CREATEROLE",
        "ALTER ROLE citewell_app NOCREATEROLE",
        "citewell_app may make roles",
    ),
    (
        "CREATE ROLE citewell_test_loose BYPASSRLS; CREATE ROLE citewell_test_between;"
        " GRANT citewell_test_loose TO citewell_test_between;"
        " GRANT citewell_test_between TO citewell_app",
        "DROP ROLE citewell_test_between, citewell_test_loose",
        "citewell_app may become citewell_test_loose",
    ),
    (
        "GRANT CREATE ON SCHEMA public TO citewell_app; ALTER TABLE spaces OWNER TO citewell_app",
        "ALTER TABLE spaces OWNER TO CURRENT_USER;"
        " REVOKE CREATE ON SCHEMA public FROM citewell_app",
        "citewell_app owns the table spaces",
    ),
    (
        "ALTER TABLE chunks DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE chunks ENABLE ROW LEVEL SECURITY",
        "the table chunks shows every tenant's rows",
    ),
]


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database that no other test gets: a table's grants do not come back with its owner."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@contextmanager
def changed(url: str, make: str, undo: str) -> Iterator[None]:
    """Roles belong to the whole server: whatever happens, the next test finds them as they were."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            for statement in make.split(";"):
                connection.execute(statement.encode())
            yield
        finally:
            for statement in undo.split(";"):
                connection.execute(statement.encode())


@pytest.mark.parametrize(("make", "undo", "said"), LOOSE, ids=[said for _, _, said in LOOSE])
async def test_a_role_that_could_see_every_tenant_is_refused_by_name(
    postgres_url: str, database: Database, make: str, undo: str, said: str
) -> None:
    await assert_sound(database)
    with changed(postgres_url, make, undo):
        with pytest.raises(StartError) as refused:
            await assert_sound(database)
        assert said in refused.value.message
        assert "NOBYPASSRLS" in refused.value.hint
    await assert_sound(database)


async def test_no_process_opens_such_a_database(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(postgres_url))
    make, undo, said = LOOSE[0]
    with changed(postgres_url, make, undo), pytest.raises(StartError, match=said):
        async with open_core(settings):
            pass
