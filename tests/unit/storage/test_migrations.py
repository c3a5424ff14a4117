"""Migrations: whole or not at all, once however many begin them, and equal to the tables."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from citewell.domain.errors import StartError, UnavailableError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.storage import migrate
from citewell.storage.database import Database, parse_url
from citewell.storage.tables.schema import metadata
from tests.conftest import PostgresServer
from tests.unit.storage.rows import add_collection

UPGRADE = "import sys; from citewell.storage import migrate; print(migrate.upgrade(sys.argv[1]))"


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    return {row[0] for row in rows}


def run(url: str, story: object) -> None:
    """Run `story(connection)` in one transaction."""
    engine = create_engine(parse_url(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            story(connection)  # type: ignore[operator]  # a callable of one connection
    finally:
        engine.dispose()


def test_a_database_goes_up_and_down_and_up_again(empty_url: str) -> None:
    head = migrate.upgrade(empty_url)
    assert head == migrate.head()
    assert migrate.versions(empty_url) == (head, head)
    first = tables(empty_url)

    run(empty_url, lambda c: command.downgrade(migrate.configuration(c), "base"))
    assert tables(empty_url) == {"alembic_version"}

    assert migrate.upgrade(empty_url) == head
    assert tables(empty_url) == first == {*metadata.tables, "alembic_version"}


def test_an_upgrade_of_an_up_to_date_database_keeps_every_row(postgres_url: str) -> None:
    migrate.upgrade(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT id FROM tenants").fetchall()
    assert found == [(DEFAULT_TENANT,)]


def test_the_migrated_database_is_what_the_tables_say(postgres_url: str) -> None:
    found: list[object] = []

    def compare(connection: Connection) -> None:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        found.extend(compare_metadata(context, metadata))

    run(postgres_url, compare)
    assert found == []


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, empty_url], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in started]
    assert said == [migrate.head()] * 3
    with psycopg.connect(empty_url) as connection:
        rows = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    assert rows == (1,)


def test_a_process_killed_in_the_middle_leaves_nothing_half_done(empty_url: str) -> None:
    # The last table of the migration is locked by us, so that the process stops inside of it.
    with psycopg.connect(empty_url) as holder:
        holder.execute("CREATE TABLE usage (id int)")
        process = subprocess.Popen([sys.executable, "-c", UPGRADE, empty_url])
        wait_until_blocked(empty_url)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        holder.rollback()
    assert tables(empty_url) == set()
    assert migrate.upgrade(empty_url) == migrate.head()
    assert {*metadata.tables} < tables(empty_url)


def wait_until_blocked(url: str) -> None:
    """Return once another session waits for a lock; at most 30 s of polling the server."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(1500):
            waiting = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if waiting != (0,):
                return
            connection.execute("SELECT pg_sleep(0.02)")
    pytest.fail("nobody waited for a lock")


def test_an_upgrade_waits_for_the_one_that_is_at_work(empty_url: str) -> None:
    reached: list[str] = []
    waiting = threading.Thread(target=lambda: reached.append(migrate.upgrade(empty_url)))
    with psycopg.connect(empty_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (migrate.ADVISORY_LOCK,))
        waiting.start()
        wait_until_blocked(empty_url)
        assert reached == []
        assert tables(empty_url) == set()
    waiting.join(timeout=60)
    assert reached == [migrate.head()]


def test_a_database_of_a_newer_release_is_refused(postgres_url: str) -> None:
    run(postgres_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StartError, match="newer Citewell") as refused:
        migrate.upgrade(postgres_url)
    assert "Install that release" in refused.value.hint


@pytest.fixture
def plain_owner(postgres_server: PostgresServer, empty_url: str) -> str:
    """The URL of an empty database as a role that may create roles but is no superuser."""
    name = f"owner_{uuid4().hex}"
    database = make_url(empty_url).database
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
        connection.execute(f"ALTER DATABASE {database} OWNER TO {name}")
        for role in ("citewell_app", "citewell_system", "citewell_reader"):
            connection.execute(f"GRANT {role} TO {name}")
    return make_url(empty_url).set(username=name).render_as_string(hide_password=False)


async def test_an_ordinary_role_can_own_the_database(plain_owner: str) -> None:
    migrate.upgrade(plain_owner)
    database = Database.connect(plain_owner)
    async with database.transaction(DEFAULT_TENANT) as tx:
        await add_collection(tx)
    async with database.transaction(DEFAULT_TENANT) as tx:
        assert [c.name for c in await tx.collections.page()] == ["default"]
    await database.close()


def test_a_role_that_may_not_create_tables_is_told_so(
    postgres_server: PostgresServer, empty_url: str
) -> None:
    name = f"guest_{uuid4().hex}"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
    url = make_url(empty_url).set(username=name).render_as_string(hide_password=False)
    with pytest.raises(StartError, match="permission denied") as refused:
        migrate.upgrade(url)
    assert "citewell db upgrade" in refused.value.hint


def test_a_role_that_may_not_use_the_roles_of_another_is_told_so(empty_url: str) -> None:
    name = f"second_{uuid4().hex}"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
        connection.execute(f"ALTER DATABASE {make_url(empty_url).database} OWNER TO {name}")
    url = make_url(empty_url).set(username=name).render_as_string(hide_password=False)
    with pytest.raises(StartError, match="permission denied") as refused:
        migrate.upgrade(url)
    assert "GRANT citewell_app, citewell_system" in refused.value.hint


def test_a_database_that_cannot_be_reached_is_no_fault_of_its_schema(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        migrate.upgrade(f"postgresql://nobody@/none?host={tmp_path}")
