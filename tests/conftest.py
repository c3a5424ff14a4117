"""One private PostgreSQL per session, one migrated database per test."""

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from citewell.domain.ids import DEFAULT_TENANT, TenantId, new_id
from citewell.storage import migrate
from citewell.storage.database import Database
from citewell.storage.embedded import EmbeddedPostgres

TEMPLATE = "citewell_template"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The session's server; `admin_url` connects as its owner, who no row policy binds."""

    admin_url: str

    def url_of(self, name: str) -> str:
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)

    def create(self, *, template: str = TEMPLATE) -> str:
        """A database of its own; returns its URL. Made of `template0` it has no schema."""
        name = f"test_{uuid4().hex}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url_of(name)

    def drop(self, url: str) -> None:
        name = make_url(url).database or ""
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(query)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The server, with a migrated template database in it."""
    folder = tmp_path_factory.mktemp("server")
    embedded = EmbeddedPostgres.start(folder / "postgres")
    try:
        server = PostgresServer(str(make_url(embedded.url).set(database="postgres")))
        with psycopg.connect(server.admin_url, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            )
        migrate.upgrade(server.url_of(TEMPLATE))
        yield server
    finally:
        embedded.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, migrated database that only this test has."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh database without any schema."""
    url = postgres_server.create(template="template0")
    yield url
    postgres_server.drop(url)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A pool on this test's database, closed at the end."""
    opened = Database.connect(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> TenantId:
    """The tenant that every migrated database has."""
    return DEFAULT_TENANT


@pytest.fixture
def other_tenant(postgres_url: str) -> TenantId:
    """A second tenant in this test's database."""
    tenant_id = TenantId(new_id())
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tenants (id, name) VALUES (%s, %s)", (tenant_id, f"other-{tenant_id}")
        )
    return tenant_id


@pytest.fixture
def seed() -> int:
    """A seed for whatever a test draws; shown when the test fails."""
    drawn = random.getrandbits(32)
    print(f"seed: {drawn}")
    return drawn
