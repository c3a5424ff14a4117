"""The SQL tool: whatever it is asked, it reads the views, of one caller, and ends (S10)."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from citewell.domain.accounts import Visibility
from citewell.domain.errors import DeniedError, InvalidError, TimedOutError
from citewell.domain.ids import TenantId, new_id
from citewell.domain.jobs import JobKind
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.records import VIEWS, Records
from citewell.retrieval.stored.records import RecordQuestions
from citewell.storage.asking.reading import MOST_ROWS
from citewell.storage.database import Database
from citewell.storage.tables.schema import metadata
from tests.security.records.attempts import embedded, listed, own
from tests.unit.storage.rows import add_collection, add_document, ask, execute

CANARY = "canary"
SECONDS = 5.5
# Where a thousand are asked beside other work; the limit of time has a test of its own.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """Two tenants; in ours a viewer, an administrator, and a collection that only she sees."""

    records: RecordQuestions
    url: str
    viewer: Principal
    admin: Principal

    async def ask(self, statement: str, who: Principal | None = None) -> Records:
        return await self.records.ask(who or self.viewer, statement)


@pytest.fixture
async def house(
    database: Database, postgres_url: str, tenant: TenantId, other_tenant: TenantId
) -> House:
    async with database.transaction(tenant) as tx:
        viewer = await tx.keys.ensure_user("vera", Role.VIEWER)
        admin = await tx.keys.ensure_user("ada", Role.ADMIN)
        await tx.keys.ensure_key(admin, CANARY, new_id().bytes, [Scope.ASK])
        open_ = await add_collection(tx, "manuals")
        for name in ("lamp.txt", "pump.txt"):
            await add_document(tx, open_.id, name)
        hidden = await add_collection(tx, f"{CANARY} plans")
        _, version = await add_document(tx, hidden.id, f"{CANARY}.txt")
        await tx.jobs.enqueue(JobKind.INGEST, version)
        await tx.shares.set_visibility(hidden.id, Visibility.RESTRICTED)
    async with database.transaction(other_tenant) as tx:
        theirs = await add_collection(tx, f"{CANARY} theirs")
        await add_document(tx, theirs.id, f"{CANARY} theirs.txt")
    await ask(database, tenant, f"{CANARY} question")
    await execute(
        database,
        "INSERT INTO usage (id, tenant_id, step, model, tokens_in, tokens_out, milliseconds)"
        f" VALUES (gen_random_uuid(), '{tenant}', '{CANARY}', 'm', 1, 1, 1)",
    )
    scopes = frozenset({Scope.DOCUMENTS_READ})
    return House(
        RecordQuestions.of(database),
        postgres_url,
        Principal(tenant, viewer, Role.VIEWER, scopes),
        Principal(tenant, admin, Role.ADMIN, scopes),
    )


def checksum(url: str) -> dict[str, str]:
    """Of every table, of the sequences, of what there is besides tables, and of the roles."""
    with psycopg.connect(url) as connection:

        def digest(rows: sql.Composable) -> str:
            asked = sql.SQL(
                "SELECT md5(coalesce(string_agg(r, ',' ORDER BY r), '')) FROM ({}) x(r)"
            )
            found = connection.execute(asked.format(rows)).fetchone()
            assert found is not None
            return str(found[0])

        known = {
            name: digest(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            for name in metadata.tables
        }
        for catalog in ("pg_class", "pg_proc", "pg_views", "pg_roles", "pg_sequences"):
            rows = {
                "pg_class": "SELECT relname || relkind::text FROM pg_class"
                " WHERE relnamespace > 16000 OR relnamespace = 'public'::regnamespace",
                "pg_proc": "SELECT proname::text FROM pg_proc",
                "pg_views": "SELECT viewname || definition FROM pg_views",
                "pg_roles": "SELECT r::text FROM pg_roles r WHERE rolname LIKE 'citewell%'",
                "pg_sequences": "SELECT s::text FROM pg_sequences s",
            }[catalog]
            known[catalog] = digest(sql.SQL(rows))
        return known


async def attempt(house: House, statements: Iterable[str]) -> int:
    """Asks each of them; how many were answered, and never with what is not the viewer's."""
    answered = 0
    for statement in statements:
        began = time.perf_counter()
        try:
            said = str((await house.ask(statement)).rows)
            answered += 1
        except (InvalidError, TimedOutError) as error:
            said = f"{error.message} {error.hint}"
        assert CANARY not in said, statement
        assert time.perf_counter() - began <= PATIENCE, statement
    return answered


async def test_no_string_of_the_public_list_does_or_shows_anything(house: House) -> None:
    before = checksum(house.url)
    strings = listed()
    assert len(strings) >= 300
    answered = await attempt(house, (one for string in strings for one in embedded(string)))
    print(f"{len(strings)} strings in four places, {answered} were statements that may be answered")
    assert checksum(house.url) == before


async def test_none_of_our_own_does_or_shows_anything(house: House) -> None:
    before = checksum(house.url)
    statements = own()
    assert len(statements) >= 600
    answered = await attempt(house, statements)
    print(f"{len(statements)} statements, {answered} were answered")
    assert checksum(house.url) == before
    assert answered < len(statements) // 10


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT count(*) FROM documents", [("2",)]),
        ("select TITLE from Documents order by title desc", [("pump.txt",), ("lamp.txt",)]),
        (
            "WITH per AS (SELECT collection, count(*) AS n FROM documents GROUP BY 1)"
            " SELECT * FROM per ORDER BY n DESC, 1 LIMIT 5;",
            [("manuals", "2")],
        ),
        ("SELECT name, documents FROM collections", [("manuals", "2")]),
        (
            "SELECT count(*) FILTER (WHERE added_at > now() - interval '7 days') FROM documents",
            [("2",)],
        ),
        ("SELECT d.title FROM documents d WHERE d.title ILIKE '%LAMP%'", [("lamp.txt",)]),
        (
            "SELECT c.name, d.title FROM collections c LEFT JOIN documents d"
            " ON d.collection = c.name WHERE d.failure_code IS NOT NULL",
            [],
        ),
        (
            "SELECT date_trunc('year', added_at) = date_trunc('year', now()), upper(status)"
            " FROM documents WHERE title = 'lamp.txt'",
            [("t", "RECEIVED")],
        ),
        ("SELECT coalesce(sum(tokens_in), 0) FROM usage", [("0",)]),
        ("SELECT count(*) FROM jobs", [("0",)]),
        ("SELECT 'it''s \\ a \"quote\"' AS x -- and a comment", [('it\'s \\ a "quote"',)]),
        (
            "SELECT title FROM documents WHERE bytes BETWEEN 1 AND 10"
            " AND title IN ('lamp.txt', 'x') UNION SELECT name FROM collections ORDER BY 1",
            [("lamp.txt",), ("manuals",)],
        ),
        (
            "SELECT CASE WHEN pages = 0 THEN 'none' ELSE 'some' END, round(avg(bytes), 1),"
            " extract(year FROM max(added_at)) > 2000 FROM documents GROUP BY 1",
            [("none", "3.0", "t")],
        ),
    ],
)
async def test_a_question_that_people_have_is_answered(
    house: House, statement: str, rows: list[tuple[str, ...]]
) -> None:
    found = await house.ask(statement)
    assert list(found.rows) == rows
    assert not found.cut


async def test_everybody_sees_what_is_theirs_to_see(house: House) -> None:
    for statement, for_viewer, for_admin in (
        ("SELECT count(*) FROM documents", "2", "3"),
        ("SELECT count(*) FROM collections", "1", "2"),
        ("SELECT count(*) FROM jobs", "0", "1"),
        ("SELECT count(*) FROM usage", "0", "1"),
    ):
        assert (await house.ask(statement)).rows == ((for_viewer,),), statement
        assert (await house.ask(statement, house.admin)).rows == ((for_admin,),), statement
    stranger = replace(house.admin, tenant_id=TenantId(new_id()))
    for view in VIEWS:
        assert (await house.ask(f"SELECT * FROM {view}", stranger)).rows == (), view


async def test_the_views_have_the_columns_that_the_model_is_told(house: House) -> None:
    for view, columns in VIEWS.items():
        assert (await house.ask(f"SELECT * FROM {view}")).columns == columns, view


async def test_without_the_right_to_list_documents_nothing_is_asked(house: House) -> None:
    asker = replace(house.admin, scopes=frozenset({Scope.ASK, Scope.SEARCH}))
    with pytest.raises(DeniedError):
        await house.ask("SELECT 1", asker)


async def test_a_result_is_cut_where_it_has_too_many_rows(house: House) -> None:
    many = ", ".join(f"documents d{n}" for n in range(4))
    found = await house.ask(f"SELECT d0.title FROM {many}")
    assert (len(found.rows), found.cut) == (2**4, False)
    doubled = f"WITH x AS (SELECT d0.title FROM {many}) SELECT x.title FROM x CROSS JOIN x AS y"
    found = await house.ask(doubled)
    assert (len(found.rows), found.cut) == (MOST_ROWS, True)


async def test_a_statement_that_takes_too_long_is_stopped(house: House, database: Database) -> None:
    await execute(
        database,
        "INSERT INTO documents (id, tenant_id, collection_id, title, filename, status)"
        " SELECT gen_random_uuid(), tenant_id, collection_id, title, filename, status"
        " FROM documents CROSS JOIN generate_series(1, 100) WHERE title = 'lamp.txt'",
    )
    every = ", ".join(f"documents d{n}" for n in range(6))
    began = time.perf_counter()
    with pytest.raises(TimedOutError, match="within 5 seconds"):
        await house.ask(f"SELECT count(*) FROM {every}")
    assert time.perf_counter() - began <= SECONDS
    async with database.engine.begin() as connection:
        found = await connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%records_documents%'"
                " AND state = 'active' AND pid != pg_backend_pid()"
            )
        )
        assert found.scalar_one() == 0, "it goes on in the server"


async def test_the_role_alone_keeps_everything_but_the_views_shut(house: House) -> None:
    """Without the check of the statement: what the role may do by itself."""
    with psycopg.connect(house.url, autocommit=True) as connection:
        connection.execute("SET ROLE citewell_reader")
        for name in metadata.tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name)))
        for statement in (
            "CREATE TABLE x (i int)",
            "DELETE FROM records_documents",
            "COPY (SELECT 1) TO '/tmp/x'",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            with pytest.raises(psycopg.errors.Error):
                connection.execute(statement)
        for view in VIEWS:
            rows = connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier(f"records_{view}"))
            )
            assert rows.fetchall() == [], "without a tenant there are no rows"
