"""People, their credentials and shared collections, as the database keeps them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from citewell.domain.accounts import Access, Visibility
from citewell.domain.errors import ConflictError, DeniedError, NotFoundError
from citewell.domain.ids import KeyId, SessionId, TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from citewell.storage.repositories.accounts.sessions import NewRefreshToken
from citewell.storage.repositories.keys import NewKey
from tests.unit.storage.rows import add_collection, add_searchable

ALL = frozenset(Scope)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def add(database: Database, tenant: TenantId, name: str, role: Role) -> Principal:
    async with database.transaction(tenant) as tx:
        user = await tx.users.add(name, f"{name}@example.org", "hash")
        await tx.users.join(user, role)
    return Principal(tenant, user, role, ALL)


async def add_key(database: Database, holder: Principal, lifetime: timedelta | None) -> KeyId:
    key = KeyId(new_id())
    async with database.transaction(holder) as tx:
        new = NewKey(key, holder.user_id, "laptop", key.bytes, ALL, lifetime)
        await tx.keys.add(new)
    return key


async def add_session(database: Database, holder: Principal) -> SessionId:
    session = SessionId(new_id())
    async with database.transaction(holder) as tx:
        generation = await tx.users.generation(holder.user_id)
        new = NewRefreshToken(holder.user_id, session, session.bytes, generation, ALL, DAY)
        await tx.sessions.add(new)
    return session


async def lives(database: Database, key: KeyId, session: SessionId) -> tuple[bool, bool]:
    async with database.installation() as whole:
        held = await whole.credentials.key(key)
        return held is not None, await whole.credentials.session(session) is not None


async def test_a_person_has_one_address_in_the_whole_installation(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    await add(database, tenant, "ada", Role.OWNER)
    with pytest.raises(ConflictError):
        await add(database, other_tenant, "ada", Role.OWNER)


async def test_a_guest_is_seen_where_they_are_a_member_and_changed_only_at_home(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    ada = (await add(database, tenant, "ada", Role.OWNER)).user_id
    async with database.transaction(other_tenant) as tx:
        with pytest.raises(NotFoundError):
            await tx.users.get(ada)
        await tx.users.join(ada, Role.VIEWER)
        guest = await tx.users.get(ada)
        assert (guest.home, guest.role, guest.email) == (tenant, Role.VIEWER, "ada@example.org")
        for change in (
            tx.users.suspend(ada, suspended=True),
            tx.users.set_password(ada, "stolen"),
            tx.users.end_sessions(ada),
            tx.users.remove(ada),
        ):
            with pytest.raises(NotFoundError):
                await change
    async with database.installation() as whole:
        account = await whole.credentials.account("ada@example.org")
        entered = await whole.credentials.memberships(ada)
    assert account is not None
    assert account.password_hash == "hash"
    assert [one.tenant_id for one in entered] == [tenant, other_tenant], "home comes first"


async def test_no_tenants_transaction_reads_a_passwords_hash(
    database: Database, tenant: TenantId
) -> None:
    await add(database, tenant, "ada", Role.OWNER)
    for columns in ("password_hash", "*"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.transaction(tenant) as tx:
                await tx.connection.execute(text(f"SELECT {columns} FROM users"))


async def test_whatever_ends_a_person_ends_every_credential(
    database: Database, tenant: TenantId
) -> None:
    await add(database, tenant, "owner", Role.OWNER)
    for number, (end, key_lives) in enumerate(ENDS.values()):
        ada = await add(database, tenant, f"ada{number}", Role.EDITOR)
        key, session = await add_key(database, ada, None), await add_session(database, ada)
        assert await lives(database, key, session) == (True, True)
        await end(database, ada, session)
        assert await lives(database, key, session) == (key_lives, False), list(ENDS)[number]


async def suspended(database: Database, who: Principal, _: SessionId) -> None:
    async with database.transaction(who.tenant_id) as tx:
        await tx.users.suspend(who.user_id, suspended=True)


async def outside(database: Database, who: Principal, _: SessionId) -> None:
    async with database.transaction(who.tenant_id) as tx:
        await tx.users.leave(who.user_id)


async def removed(database: Database, who: Principal, _: SessionId) -> None:
    async with database.transaction(who.tenant_id) as tx:
        await tx.users.remove(who.user_id)


async def new_password(database: Database, who: Principal, _: SessionId) -> None:
    async with database.transaction(who.tenant_id) as tx:
        await tx.users.set_password(who.user_id, "other")


async def signed_out(database: Database, who: Principal, _: SessionId) -> None:
    async with database.transaction(who.tenant_id) as tx:
        await tx.users.end_sessions(who.user_id)


async def revoked(database: Database, who: Principal, session: SessionId) -> None:
    async with database.transaction(who) as tx:
        assert await tx.sessions.end(session)


ENDS = {
    "suspended": (suspended, False),
    "no member": (outside, False),
    "removed": (removed, False),
    "another password": (new_password, True),
    "signed out everywhere": (signed_out, True),
    "signed out here": (revoked, True),
}


async def test_a_suspended_tenant_shuts_everybody_out(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    ada = await add(database, other_tenant, "ada", Role.OWNER)
    key, session = await add_key(database, ada, None), await add_session(database, ada)
    async with database.transaction(tenant) as tx, tx.installation() as whole:
        await whole.tenants.change(other_tenant, suspended=True)
        with pytest.raises(ConflictError):
            await whole.tenants.change(tenant, suspended=True)
    assert await lives(database, key, session) == (False, False)
    async with database.transaction(tenant) as tx, tx.installation() as whole:
        await whole.tenants.change(other_tenant, suspended=False)
    assert await lives(database, key, session) == (True, True)


async def test_a_tenant_never_loses_its_last_owner(database: Database, tenant: TenantId) -> None:
    one = await add(database, tenant, "one", Role.OWNER)
    two = await add(database, tenant, "two", Role.OWNER)

    async def step_down(who: Principal) -> bool:
        try:
            async with database.transaction(tenant) as tx:
                await tx.users.set_role(who.user_id, Role.ADMIN)
        except ConflictError:
            return False
        return True

    assert sorted(await asyncio.gather(step_down(one), step_down(two))) == [False, True]


async def test_a_replaced_key_works_until_the_overlap_is_over(
    database: Database, tenant: TenantId
) -> None:
    ada = await add(database, tenant, "ada", Role.OWNER)
    old, new = await add_key(database, ada, None), await add_key(database, ada, DAY)
    session = await add_session(database, ada)
    async with database.transaction(ada) as tx:
        await tx.keys.replace(old, new, MINUTE)
        shown = await tx.keys.get(old)
        assert shown.replaced_by == new
        with pytest.raises(ConflictError):
            await tx.keys.replace(old, new, DAY)
    assert await lives(database, old, session) == (True, True)
    async with database.transaction(ada) as tx:
        later = await add_key(database, ada, None)
        await tx.keys.replace(new, later, timedelta(0))
    assert await lives(database, new, session) == (False, True)


async def test_a_ticket_is_redeemed_once_and_in_time(database: Database, tenant: TenantId) -> None:
    ada = await add(database, tenant, "ada", Role.EDITOR)
    await add(database, tenant, "owner", Role.OWNER)
    session = await add_session(database, ada)
    holder = Principal(tenant, ada.user_id, Role.EDITOR, ALL, session_id=session)

    async def redeem(digest: bytes) -> Principal | None:
        async with database.installation() as whole:
            return await whole.credentials.redeem_ticket(digest)

    async with database.transaction(holder) as tx:
        await tx.sessions.add_ticket(holder, b"good", MINUTE)
        await tx.sessions.add_ticket(holder, b"late", timedelta(0))
    found = await asyncio.gather(*(redeem(b"good") for _ in range(8)))
    assert [one for one in found if one is not None] == [holder]
    assert await redeem(b"late") is None
    assert await redeem(b"never") is None


async def test_ten_guesses_a_minute_however_many_ask_at_once(database: Database) -> None:
    async def guess(subject: bytes = b"ada", window: timedelta = MINUTE) -> timedelta | None:
        async with database.installation() as whole:
            return await whole.guess(subject, most=10, window=window)

    answers = await asyncio.gather(*(guess() for _ in range(40)))
    assert answers.count(None) == 10
    assert all(timedelta() < left <= MINUTE for left in answers if left is not None)
    assert await guess(b"grace") is None
    assert await guess(window=timedelta(0)) is None, "the oldest guess has left the window"
    assert await guess() is not None, "only its place is free again"


async def test_the_ring_knows_which_key_is_in_which_state(database: Database) -> None:
    async with database.installation() as whole:
        for kid in ("one", "two"):
            await whole.signing_keys.add(kid, "EdDSA", b"public", b"sealed")
        await whole.signing_keys.promote("two")
    async with database.installation() as whole:
        one, two = await whole.signing_keys.living()
        assert (one.promoted_at, one.retired_at) == (None, None)
        assert two.promoted_at is not None
        await whole.signing_keys.retire("one", MINUTE)
        await whole.signing_keys.retire("two", -MINUTE)
    async with database.installation() as whole:
        assert [key.kid for key in await whole.signing_keys.living()] == ["one"]
        with pytest.raises(NotFoundError):
            await whole.signing_keys.promote("two")


async def test_a_restricted_collection_exists_for_those_it_is_shared_with(
    database: Database, tenant: TenantId
) -> None:
    people = {role: await add(database, tenant, role.name, role) for role in Role}
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx, chunks=1)
        open_to_all = await add_collection(tx, "open")
        await tx.shares.set_visibility(stored.collection.id, Visibility.RESTRICTED)

    async def seen(who: Principal) -> set[str]:
        async with database.transaction(who) as tx:
            found = {one.name for one in await tx.collections.page()}
            documents = await tx.connection.execute(text("SELECT count(*) FROM documents"))
            assert bool(documents.scalar_one()) == (stored.collection.name in found)
            return found

    both = {stored.collection.name, open_to_all.name}
    for role, who in people.items():
        assert await seen(who) == (both if role >= Role.ADMIN else {"open"})
    async with database.transaction(tenant) as tx:
        await tx.shares.grant(stored.collection.id, people[Role.VIEWER].user_id, Access.READ)
    assert await seen(people[Role.VIEWER]) == both
    assert await seen(people[Role.EDITOR]) == {"open"}
    async with database.transaction(tenant) as tx:
        share = await tx.shares.grant(stored.collection.id, Role.EDITOR, Access.READ)
    with pytest.raises(ConflictError):
        async with database.transaction(tenant) as tx:
            await tx.shares.grant(stored.collection.id, UserId(new_id()), Access.READ)
    assert await seen(people[Role.EDITOR]) == both
    assert share.role is Role.EDITOR


async def test_reading_never_implies_writing(database: Database, tenant: TenantId) -> None:
    people = {role: await add(database, tenant, role.name, role) for role in Role}
    async with database.transaction(tenant) as tx:
        stored = await add_searchable(tx, chunks=1)
        await tx.shares.set_visibility(stored.collection.id, Visibility.RESTRICTED)
        await tx.shares.grant(stored.collection.id, Role.VIEWER, Access.READ)

    async def may_write(who: Principal) -> bool:
        async with database.transaction(who) as tx:
            try:
                await tx.shares.check_writable(who, stored.collection.id)
            except DeniedError:
                return False
        return True

    assert [await may_write(people[role]) for role in Role] == [False, False, True, True]
    async with database.transaction(tenant) as tx:
        await tx.shares.grant(stored.collection.id, people[Role.EDITOR].user_id, Access.WRITE)
        await tx.shares.grant(stored.collection.id, people[Role.VIEWER].user_id, Access.WRITE)
    assert [await may_write(people[role]) for role in Role] == [False, True, True, True]
