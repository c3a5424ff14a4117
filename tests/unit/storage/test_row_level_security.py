"""Row-level security: without any filter, a tenant's transaction is alone in the database."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import ProgrammingError

from citewell.domain.accounts import Access
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import (
    CollectionId,
    ConversationId,
    DocumentId,
    ErasureId,
    JobId,
    McpServerId,
    MemoryId,
    RunId,
    SessionId,
    SpaceId,
    TenantId,
    UserId,
    VersionId,
    new_id,
)
from citewell.domain.jobs import JobKind
from citewell.domain.passages import Answer, Citation
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import Erasure
from citewell.domain.runs.approvals import Wanted
from citewell.domain.tools.servers import Offered, Place
from citewell.storage.database import Database
from citewell.storage.repositories.accounts.sessions import NewRefreshToken
from citewell.storage.repositories.idempotency import IdempotencyKey
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.tables.schema import metadata
from citewell.storage.transaction import Transaction
from tests.unit.storage.rows import Stored, add_searchable

# The installation's own, which no tenant's transaction sees.
INSTALLATION = {"signing_keys", "sign_in_guesses"}
OWNED = sorted(set(metadata.tables) - INSTALLATION - {"tenants"})

EVERY = {name: set(table.c.keys()) for name, table in metadata.tables.items()}
# What the role that belongs to no tenant may do.
SYSTEM_READS = {
    "tenants": {"id", "name", "created_at", "suspended_at"},
    "users": EVERY["users"] - {"created_at"},
    "collections": {"id", "tenant_id", "head"},
    "document_versions": {"blob_key"},
    "exports": {"blob_key"},
    "approvals": {"tenant_id", "run_id", "state", "expires_at"},
    "runs": {"id", "tenant_id", "state", "lease_until"},
    "quotas": EVERY["quotas"],
    **{
        name: EVERY[name]
        for name in (
            "memberships", "api_keys", "refresh_tokens", "socket_tickets", "jobs", "data_keys",
            "identities",
            *INSTALLATION,
        )
    },
}  # fmt: skip
LIMITS = {name for name in EVERY["quotas"] if name.startswith("max_")}
SYSTEM_UPDATES = {
    "quotas": LIMITS,
    "jobs": EVERY["jobs"],
    "tenants": {"name", "suspended_at"},
    "users": {"password_hash"},
    "api_keys": {"last_used_at"},
    "signing_keys": {"promoted_at", "retired_at"},
    "sign_in_guesses": EVERY["sign_in_guesses"],
}
SYSTEM_INSERTS = {
    "tenants": {"id", "name"},
    "quotas": {"tenant_id", *LIMITS},
    **{name: EVERY[name] for name in INSTALLATION},
}


async def fill(tx: Transaction) -> Stored:
    """At least one row in every table."""
    stored = await add_searchable(tx, chunks=1)
    await tx.jobs.enqueue(JobKind.INGEST, stored.version_id)
    user = await tx.keys.ensure_user("ada", Role.OWNER)
    await tx.keys.ensure_key(user, "laptop", new_id().bytes, [Scope.ASK])
    await tx.identities.add(user, "https://provider.example", str(user))
    await tx.audit.record(user, "test", "target")
    await tx.shares.grant(stored.collection.id, user, Access.READ)
    session = SessionId(new_id())
    day, scopes = timedelta(days=1), frozenset(Scope)
    await tx.sessions.add(NewRefreshToken(user, session, new_id().bytes, 0, scopes, day))
    holder = Principal(tx.tenant_id, user, Role.OWNER, scopes, session_id=session)
    await tx.sessions.add_ticket(holder, new_id().bytes, day)
    await tx.idempotency.claim(IdempotencyKey(user, "POST /x", "k", b"1"))
    await fill_conversation(tx, user, stored)
    await fill_requests(tx, user)
    await fill_servers(tx)
    return stored


async def fill_servers(tx: Transaction) -> None:
    server = McpServerId(new_id())
    await tx.mcp_servers.add(server, Place("tools", "https://tools.example/mcp"), b"sealed")
    await tx.mcp_servers.note(server, Offered("add", "Add.", {"type": "object"}))


async def fill_requests(tx: Transaction, user: UserId) -> None:
    await tx.requests.decide(user, "newsletter", "1", given=True)
    await tx.memories.add(user, "a fact")
    await tx.requests.ask_export(user, user)
    flags = {"everywhere": True, "with_documents": False}
    times = {"created_at": await tx.now(), "erased_at": None, "scrubbed_at": None}
    asked = Erasure(ErasureId(new_id()), tx.tenant_id, user, user, **flags, **times, removed={})  # type: ignore[arg-type]
    assert await tx.requests.add_erasure(asked)


async def fill_conversation(tx: Transaction, user: UserId, stored: Stored) -> None:
    conversation = await tx.conversations.create(user, "title")
    run = RunId(new_id())
    await tx.runs.create(run, conversation, user, {}, [{"type": "x"}])
    wanted = Wanted(run, 1, "send", {"to": "ada"}, "digest", ("egress",))
    await tx.approvals.ask(run, user, wanted, seconds=60.0)
    await tx.checkpoints.keep(run, run, "1", "{}")
    places = (stored.document_id, stored.version_id, 0, 4, "some", "t", "a.txt", 1, True)
    citation = Citation(1, 0, 4, new_id(), *places)  # type: ignore[arg-type]  # any id will do
    answer = Answer("some", (citation,), grounded=1.0, answered=True)
    await tx.conversations.add_answer(conversation, run, answer)
    await tx.connection.execute(
        text(
            "INSERT INTO usage (id, tenant_id, step, model, tokens_in, tokens_out, milliseconds)"
            " VALUES (:id, :tenant, 's', 'm', 1, 1, 1)"
        ),
        {"id": new_id(), "tenant": tx.tenant_id},
    )
    for statement in (
        "INSERT INTO data_keys VALUES (gen_random_uuid(), :tenant, 'active', 'm', 'w', true)",
        "INSERT INTO budgets VALUES (:tenant, 'day', 1, 1)",
        "INSERT INTO spending VALUES (:tenant, '2026-01-01', 1, 1)",
        "INSERT INTO reservations VALUES (gen_random_uuid(), :tenant, 1, 1, now())",
    ):
        await tx.connection.execute(text(statement), {"tenant": tx.tenant_id})


@pytest.fixture
async def theirs(database: Database, tenant: TenantId, other_tenant: TenantId) -> Stored:
    """Both tenants have rows in every table; what the other one has."""
    async with database.transaction(tenant) as tx:
        await fill(tx)
    async with database.transaction(other_tenant) as tx:
        return await fill(tx)


async def counted(database: Database, table: str, tenant_id: TenantId) -> int:
    async with database.engine.begin() as owner:
        found = await owner.execute(
            text(f"SELECT count(*) FROM {table} WHERE tenant_id = :t"), {"t": tenant_id}
        )
        return int(found.scalar_one())


async def test_no_table_shows_another_tenants_row(
    database: Database, tenant: TenantId, other_tenant: TenantId, theirs: Stored
) -> None:
    for table in OWNED:
        mine = await counted(database, table, tenant)
        assert mine
        assert await counted(database, table, other_tenant), f"nothing to hide in {table}"
        async with database.transaction(tenant) as tx:
            seen = await tx.connection.execute(text(f"SELECT tenant_id FROM {table}"))
            assert list(seen.scalars()) == [tenant] * mine, table
    async with database.transaction(tenant) as tx:
        seen = await tx.connection.execute(text("SELECT id FROM tenants"))
        assert list(seen.scalars()) == [tenant]


async def test_no_table_takes_a_row_for_another_tenant(
    database: Database, tenant: TenantId, other_tenant: TenantId, theirs: Stored
) -> None:
    for table in OWNED:
        for statement in await writes_for(database, table, other_tenant):
            with pytest.raises(ProgrammingError, match=r"row-level security|permission denied"):
                async with database.transaction(tenant) as tx:
                    await tx.connection.execute(statement)


async def writes_for(database: Database, table: str, other_tenant: TenantId) -> list[TextClause]:
    """A copy of one of the other tenant's rows, and every own row given to the other tenant."""
    columns = ", ".join(f'"{column.name}"' for column in metadata.tables[table].columns)
    async with database.engine.begin() as owner:
        found = await owner.execute(
            text(f"SELECT to_jsonb(t) FROM {table} t WHERE tenant_id = :t LIMIT 1"),
            {"t": other_tenant},
        )
        row = json.dumps(found.scalar_one())
    copy = f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns}"
    copy += f" FROM jsonb_populate_record(NULL::{table}, cast(:row AS jsonb))"
    move = f"UPDATE {table} SET tenant_id = '{other_tenant}'"
    return [text(copy).bindparams(row=row), text(move)]


async def test_nothing_of_another_tenant_can_be_changed_or_deleted(
    database: Database, tenant: TenantId, other_tenant: TenantId, theirs: Stored
) -> None:
    before = {table: await counted(database, table, other_tenant) for table in OWNED}
    for table in OWNED:
        if table in {"audit_log", "quotas", "erasures"}:  # No tenant may remove them.
            continue
        async with database.transaction(tenant) as tx:
            done = await tx.connection.execute(
                text(f"DELETE FROM {table} WHERE tenant_id = '{other_tenant}'")
            )
            assert done.rowcount == 0, table
            await tx.connection.execute(text(f"DELETE FROM {table}"))
    assert {t: await counted(database, t, other_tenant) for t in OWNED} == before


async def test_records_and_the_ledger_can_only_grow(
    database: Database, tenant: TenantId, theirs: Stored
) -> None:
    for statement in (
        "DELETE FROM audit_log",
        "UPDATE audit_log SET action = 'nothing'",
        "DELETE FROM erasures",
        "UPDATE consents SET given = true",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.transaction(tenant) as tx:
                await tx.connection.execute(text(statement))


async def test_a_connection_forgets_whose_it_was(
    postgres_url: str, tenant: TenantId, theirs: Stored
) -> None:
    database = Database.connect(postgres_url, pool_size=1)
    async with database.transaction(tenant) as tx:
        await tx.now()
    async with database.engine.begin() as connection:
        found = await connection.execute(
            text("SELECT current_user = session_user, current_setting('app.tenant_id', true)")
        )
        assert tuple(found.one()) in {(True, ""), (True, None)}
        await connection.execute(text("SET LOCAL ROLE citewell_app"))
        seen = await connection.execute(text("SELECT count(*) FROM documents"))
        assert seen.scalar_one() == 0
    await database.close()


async def test_a_single_read_is_as_alone_as_a_transaction_and_leaves_nothing_behind(
    postgres_url: str, tenant: TenantId, theirs: Stored
) -> None:
    database = Database.connect(postgres_url, pool_size=1)
    me = Principal(tenant, UserId(new_id()), Role.VIEWER, frozenset())
    said = "SELECT current_user, current_setting('app.user_id'), current_setting('app.role')"
    ((role, user, rank),) = await database.read(me, text(said), {})
    assert (role, user, rank) == ("citewell_app", str(me.user_id), str(int(Role.VIEWER)))
    for table in OWNED:
        counted = text(f"SELECT count(*) FROM {table} WHERE tenant_id != :tenant")
        assert await database.read(tenant, counted, {}) == [(0,)]
    async with database.engine.begin() as connection:
        found = await connection.execute(
            text("SELECT current_user = session_user, current_setting('app.tenant_id', true)")
        )
        assert tuple(found.one()) in {(True, ""), (True, None)}
        await connection.execute(text("SET LOCAL ROLE citewell_app"))
        seen = await connection.execute(text("SELECT count(*) FROM documents"))
        assert seen.scalar_one() == 0
    await database.close()


async def test_the_system_role_reads_what_it_is_granted_and_no_more(database: Database) -> None:
    async with database.engine.begin() as owner:
        found = await owner.execute(
            text(
                "SELECT table_name, column_name, privilege_type"
                " FROM information_schema.column_privileges WHERE grantee = 'citewell_system'"
            )
        )
        granted: dict[str, dict[str, set[str]]] = {}
        for table, column, privilege in found:
            granted.setdefault(privilege, {}).setdefault(table, set()).add(column)
    assert granted == {
        "SELECT": SYSTEM_READS,
        "UPDATE": SYSTEM_UPDATES,
        "INSERT": SYSTEM_INSERTS,
    }


async def test_the_system_role_sees_every_tenants_jobs_and_no_document(
    database: Database, tenant: TenantId, other_tenant: TenantId, theirs: Stored
) -> None:
    async with database.system() as system:
        assert {t for t, _ in await system.collections()} == {tenant, other_tenant}
        assert await system.queue_depth() == {"queued": 2}
        assert len(await system.blob_keys()) == 2
    for table in ("documents", "chunks", "messages", "run_events"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.system() as system:
                await system.connection.execute(text(f"SELECT * FROM {table}"))


Story = Callable[[Transaction], Awaitable[object]]


async def found(database: Database, tenant: TenantId, cases: dict[str, Story]) -> list[str]:
    """The cases that did not raise `NotFoundError`."""
    answered = []
    for what, story in cases.items():
        try:
            async with database.transaction(tenant) as tx:
                await story(tx)
        except NotFoundError:
            continue
        answered.append(what)
    return answered


async def test_ids_of_another_tenant_are_not_found(
    database: Database, tenant: TenantId, other_tenant: TenantId, theirs: Stored
) -> None:
    async with database.transaction(other_tenant) as tx:
        job = await tx.jobs.latest_of(theirs.version_id)
        assert job is not None
        space = theirs.collection.active_space_id
    blob = StoredBlob("00", "5a", 1)
    cases: dict[str, Story] = {
        "collection": lambda tx: tx.collections.get(theirs.collection.id),
        "its head": lambda tx: tx.collections.head(theirs.collection.id),
        "its removal": lambda tx: tx.collections.delete(theirs.collection.id),
        "its renaming": lambda tx: tx.collections.update(
            theirs.collection.id, name="mine", description=None
        ),
        "a document in it": lambda tx: tx.documents.add(
            NewDocument(theirs.collection.id, "t", "f")
        ),
        "document": lambda tx: tx.documents.get(theirs.document_id),
        "its lock": lambda tx: tx.documents.lock(theirs.document_id),
        "its tombstone": lambda tx: tx.documents.tombstone(theirs.document_id),
        "its next version": lambda tx: tx.versions.add(theirs.document_id, blob),
        "its bytes": lambda tx: tx.versions.blob(theirs.document_id),
        "its version": lambda tx: tx.versions.get(theirs.version_id),
        "its current version": lambda tx: tx.versions.current(theirs.document_id),
        "its text": lambda tx: tx.versions.parsed(theirs.version_id),
        "space": lambda tx: tx.spaces.get(space),
        "job": lambda tx: tx.jobs.get(job.id),
        "its end": lambda tx: tx.jobs.cancel(job.id),
    }
    assert await found(database, tenant, cases) == []


async def test_ids_that_nobody_has_are_not_found(database: Database, tenant: TenantId) -> None:
    nobody, someone = new_id(), UserId(new_id())
    cases: dict[str, Story] = {
        "collection": lambda tx: tx.collections.get(CollectionId(nobody)),
        "name": lambda tx: tx.collections.by_name("nothing"),
        "document": lambda tx: tx.documents.get(DocumentId(nobody)),
        "version": lambda tx: tx.versions.get(VersionId(nobody)),
        "space": lambda tx: tx.spaces.get(SpaceId(nobody)),
        "job": lambda tx: tx.jobs.get(JobId(nobody)),
        "run": lambda tx: tx.runs.get(RunId(nobody), someone),
        "conversation": lambda tx: tx.conversations.get(ConversationId(nobody), someone),
        "memory": lambda tx: tx.memories.lock(MemoryId(nobody), someone),
        "MCP server": lambda tx: tx.mcp_servers.get(McpServerId(nobody)),
    }
    assert await found(database, tenant, cases) == []


async def test_another_users_conversation_and_run_are_not_found(
    database: Database, tenant: TenantId
) -> None:
    ada, eve = UserId(new_id()), UserId(new_id())
    run = RunId(new_id())
    async with database.transaction(tenant) as tx:
        conversation = await tx.conversations.create(ada, "mine")
        await tx.runs.create(run, conversation, ada, {})
        await tx.conversations.get(conversation, ada)
        assert (await tx.runs.get(run, ada)).id == run
        with pytest.raises(NotFoundError):
            await tx.conversations.get(conversation, eve)
        with pytest.raises(NotFoundError):
            await tx.runs.get(run, eve)
