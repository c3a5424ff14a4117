"""Signing in: who gets a session, how long it lives, and what ends it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from citewell.accounts import credentials
from citewell.accounts.recognising import CACHE_SECONDS
from citewell.accounts.ring import STALE_SECONDS
from citewell.accounts.service import Accounts
from citewell.accounts.sign_in import PER_ACCOUNT, PER_ADDRESS, SignIn, TokenPair
from citewell.domain.errors import ConflictError, LimitedError, UnauthenticatedError
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from tests.unit.accounts.people import add_person, attempt

SECRET = credentials.new_secret()


@pytest.fixture
async def accounts(database: Database) -> Accounts:
    made = Accounts.of(database, SECRET)
    await made.ring.ensure()
    return made


@pytest.fixture
def door(accounts: Accounts) -> SignIn:
    return SignIn(accounts)


@pytest.fixture
async def ada(accounts: Accounts, tenant: TenantId) -> Principal:
    await accounts.administrator()
    return await add_person(accounts, tenant, "ada@example.org")


async def test_a_password_opens_a_session_of_the_persons_own_role(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    pair = await door.with_password(attempt(" Ada@Example.org "))
    found = await accounts.authenticate(pair.access)
    assert replace(found, session_id=None) == ada
    narrow = replace(attempt("ada@example.org"), scopes=frozenset({Scope.SEARCH}))
    found = await accounts.authenticate((await door.with_password(narrow)).access)
    assert found.scopes == {Scope.SEARCH}


async def test_whatever_is_wrong_is_said_in_the_same_words(
    door: SignIn, accounts: Accounts, ada: Principal, other_tenant: TenantId
) -> None:
    await add_person(accounts, ada.tenant_id, "shut@example.org")
    async with accounts.database.transaction(ada.tenant_id) as tx:
        shut = await tx.users.find("shut@example.org")
        await tx.users.suspend(shut.id, suspended=True)
        bare = await tx.users.add("bare", "bare@example.org", None)
        await tx.users.join(bare, Role.VIEWER)
    wrong = (
        attempt("ada@example.org", "wrong"),
        attempt("nobody@example.org"),
        attempt("shut@example.org"),
        attempt("bare@example.org"),
        attempt("ada@example.org", tenant=str(other_tenant)),
        attempt("", ""),
    )
    said = set()
    for one in wrong:
        with pytest.raises(UnauthenticatedError) as refused:
            await door.with_password(one)
        said.add((refused.value.message, refused.value.hint))
    assert len(said) == 1


async def test_a_guest_chooses_the_tenant_and_has_its_role(
    door: SignIn, accounts: Accounts, ada: Principal, other_tenant: TenantId
) -> None:
    async with accounts.database.transaction(other_tenant) as tx:
        await tx.users.join(ada.user_id, Role.VIEWER)
    for named in (str(other_tenant), f"other-{other_tenant}"):
        pair = await door.with_password(attempt("ada@example.org", tenant=named))
        found = await accounts.authenticate(pair.access)
        assert (found.tenant_id, found.role) == (other_tenant, Role.VIEWER)
    home = await door.with_password(attempt("ada@example.org"))
    assert (await accounts.authenticate(home.access)).tenant_id == ada.tenant_id


async def test_ten_guesses_a_minute_whoever_is_guessed_at(door: SignIn, ada: Principal) -> None:
    for email in ("ada@example.org", "nobody@example.org"):
        for number in range(PER_ACCOUNT):
            with pytest.raises(UnauthenticatedError):
                await door.with_password(attempt(email, "wrong", address=str(number)))
        with pytest.raises(LimitedError) as refused:
            await door.with_password(attempt(email, address="elsewhere"))
        assert 0 < refused.value.retry_after <= 60


async def test_an_address_cannot_try_many_accounts(door: SignIn) -> None:
    async def outcome(number: int) -> bool:
        try:
            await door._count(f"{number}@example.org", "192.0.2.7")
        except LimitedError:
            return False
        return True

    assert [await outcome(n) for n in range(PER_ADDRESS + 1)] == [True] * PER_ADDRESS + [False]


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    first = await door.with_password(attempt("ada@example.org"))
    second = await door.refresh(first.refresh)
    with pytest.raises(ConflictError):
        await door.refresh(first.refresh)
    third = await door.refresh(second.refresh)
    await accounts.authenticate(third.access)
    await make_older(accounts.database, timedelta(seconds=11))
    with pytest.raises(UnauthenticatedError):
        await door.refresh(first.refresh)
    for access in (first.access, second.access, third.access):
        with pytest.raises(UnauthenticatedError):
            await accounts.authenticate(access)
    with pytest.raises(UnauthenticatedError):
        await door.refresh(third.refresh)


async def make_older(database: Database, by: timedelta) -> None:
    async with database.engine.begin() as owner:
        await owner.execute(text("UPDATE refresh_tokens SET used_at = used_at - :by"), {"by": by})


async def test_of_two_that_refresh_at_once_one_gets_the_next_pair(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    pair = await door.with_password(attempt("ada@example.org"))
    for _ in range(10):
        got = await asyncio.gather(
            *(door.refresh(pair.refresh) for _ in range(4)), return_exceptions=True
        )
        won = [one for one in got if isinstance(one, TokenPair)]
        assert len(won) == 1
        assert sum(isinstance(one, ConflictError) for one in got) == 3
        (pair,) = won
    await accounts.authenticate(pair.access)


async def test_signing_out_ends_this_session_or_all(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    one, two = [await door.with_password(attempt("ada@example.org")) for _ in range(2)]
    browser = await accounts.open_session(ada)
    await door.end(await accounts.authenticate(one.access))
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(one.access)
    with pytest.raises(UnauthenticatedError):
        await door.refresh(one.refresh)
    await accounts.authenticate(browser)
    await door.end_all(await accounts.authenticate(two.access))
    for over in (two.access, browser):
        with pytest.raises(UnauthenticatedError):
            await accounts.authenticate(over)


async def test_what_another_server_ends_is_over_within_five_seconds(
    database: Database, ada: Principal
) -> None:
    clock = [100.0]
    here, there = Accounts.of(database, SECRET, lambda: clock[0]), Accounts.of(database, SECRET)
    await here.ring.ensure()
    pair = await SignIn(here).with_password(attempt("ada@example.org"))
    session = await here.open_session(ada)
    seen = [await here.authenticate(one) for one in (pair.access, session)]
    await SignIn(there).end_all(seen[0])
    assert CACHE_SECONDS <= 5
    clock[0] += CACHE_SECONDS
    for credential, principal in zip((pair.access, session), seen, strict=True):
        with pytest.raises(UnauthenticatedError):
            await here.authenticate(credential)
        assert await here.recognition.living([principal]) == {}


async def test_a_token_is_not_remembered_for_longer_than_its_key_is_known_to_live(
    database: Database, ada: Principal
) -> None:
    """The ring may be five seconds old, and so may what is remembered: together no more."""
    clock = [100.0]
    here, there = Accounts.of(database, SECRET, lambda: clock[0]), Accounts.of(database, SECRET)
    await here.ring.ensure()
    pair = await SignIn(here).with_password(attempt("ada@example.org"))
    clock[0] += STALE_SECONDS - 0.1
    await there.ring.rotate(timedelta(0))
    await here.authenticate(pair.access)
    clock[0] += 0.1
    with pytest.raises(UnauthenticatedError):
        await here.authenticate(pair.access)


async def test_a_sign_in_that_was_on_its_way_dies_with_the_old_password(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    """The password changes after it was verified and before its session is stored."""
    account, entered = await door.verify(attempt("ada@example.org"))
    async with accounts.database.transaction(ada.tenant_id) as tx:
        await tx.users.set_password(ada.user_id, "another hash")
    holder = Principal(entered.tenant_id, account.user_id, entered.role, frozenset(Scope))
    async with accounts.database.transaction(ada.tenant_id) as tx:
        late = await door._add(tx, holder, ada.user_id, account.generation)  # type: ignore[arg-type]
    with pytest.raises(UnauthenticatedError):
        await door.refresh(late)


async def test_a_ticket_stands_for_whoever_asked_for_it_once(
    door: SignIn, accounts: Accounts, ada: Principal
) -> None:
    pair = await door.with_password(attempt("ada@example.org"))
    holder = await accounts.authenticate(pair.access)
    ticket = await door.ticket(holder)
    assert await accounts.redeem_ticket(ticket) == holder
    with pytest.raises(UnauthenticatedError):
        await accounts.redeem_ticket(ticket)
    late = await door.ticket(holder)
    await door.end(holder)
    with pytest.raises(UnauthenticatedError):
        await accounts.redeem_ticket(late)
