"""One private PostgreSQL per session, one migrated and empty database per test."""

import random
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import psycopg
import pytest
import structlog
from psycopg import sql
from sqlalchemy import make_url

from citewell.domain.ids import DEFAULT_TENANT, TenantId, new_id
from citewell.storage import migrate
from citewell.storage.database import Database
from citewell.storage.embedded import EmbeddedPostgres
from citewell.storage.tables.schema import metadata
from tests.contract.chat_server import ChatServer, chat_server
from tests.watched.sitecustomize import WATCH

TEMPLATE = "citewell_template"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The session's server; `admin_url` connects as its owner, whom no row policy binds."""

    admin_url: str
    clean: list[str] = field(default_factory=list)

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

    def take(self) -> str:
        """A migrated database without a row but the default tenant's."""
        return self.clean.pop() if self.clean else self.create()

    def give_back(self, url: str) -> None:
        """Empty it for the next test, which is much faster than making another one."""
        with psycopg.connect(url) as connection:
            connection.execute(DISCONNECT_OTHERS)
            said = connection.execute(SCHEMA).fetchone()
            if said == (migrate.head(), len(metadata.tables) + 1):
                connection.execute(EMPTY)
                self.clean.append(url)
                return
        self.drop(url)

    def _execute(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(query)


DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""
SCHEMA = """
    SELECT version_num, (SELECT count(*) FROM pg_tables WHERE schemaname = 'public')
    FROM alembic_version
"""
# No trigger checks the order in which the tables are emptied.
EMPTY = (
    sql.SQL("SET LOCAL session_replication_role = replica;")
    + sql.SQL("").join(
        sql.SQL("DELETE FROM {};").format(sql.Identifier(name))
        for name in metadata.tables
        if name != "tenants"
    )
    + sql.SQL(
        "DELETE FROM tenants WHERE id != {0}; UPDATE tenants SET audit_head = -1, audit_hash = '';"
        "ALTER SEQUENCE chunks_key_seq RESTART"
    ).format(sql.Literal(DEFAULT_TENANT))
)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C mean what it does at a terminal, and give the run a folder of its own."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has its background jobs ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.basetemp is None:
        # The folder that all runs share is closed to other users whenever another run begins, and
        # to the user that PostgreSQL runs as where the tests run as root: its server would end.
        config.option.basetemp = tempfile.mkdtemp(prefix="citewell-tests-")
        config.add_cleanup(partial(shutil.rmtree, config.option.basetemp, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, each in one piece: the others fill up what is left between them."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--storm", action="store_true", help="run the tests that know one in their full size"
    )


@pytest.fixture(scope="session")
def storm(pytestconfig: pytest.Config) -> bool:
    """Whether the full size was asked for."""
    return bool(pytestconfig.getoption("--storm"))


Counted = Callable[[str, object], None]


@pytest.fixture(scope="session", autouse=True)
def unsafe_loads() -> Iterator[list[str]]:
    """What was made of a pickle, or of marshalled code, in this process: each is stopped."""
    seen: list[str] = []
    with WATCH.telling(seen.append):
        yield seen


@pytest.fixture(autouse=True)
def nothing_is_loaded_unsafely(unsafe_loads: list[str]) -> Iterator[None]:
    """Fails the test in whose time it happened, whoever caught the error."""
    unsafe_loads.clear()
    yield
    assert unsafe_loads == []


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
        # Every test after its end has failed; here is why it ended.
        assert embedded.is_running(), (folder / "postgres" / "log").read_text("utf-8")[-4000:]
    finally:
        embedded.stop()
        shutil.rmtree(folder)


@pytest.fixture
def model() -> Iterator[ChatServer]:
    """A language model's server, which says what the test has scripted."""
    with chat_server() as running:
        yield running


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a migrated database without rows that only this test has."""
    url = postgres_server.take()
    yield url
    postgres_server.give_back(url)


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


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a test makes of the logs, a command run in this process included, ends with it."""
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)


@pytest.fixture
def seed() -> int:
    """A seed for whatever a test draws; shown when the test fails."""
    drawn = random.getrandbits(32)
    print(f"seed: {drawn}")
    return drawn
