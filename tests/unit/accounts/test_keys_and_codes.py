"""Keys and codes: made once, kept from others, worthless when they are over."""

import asyncio
import stat
from pathlib import Path

import pytest

from citewell.accounts import codes, credentials
from citewell.accounts.codes import SignInCodes
from citewell.accounts.recognising import CACHE_SECONDS
from citewell.accounts.secrets import ADMIN_KEY, SECRET_KEY, kept
from citewell.accounts.service import Accounts
from citewell.domain.errors import StartError, UnauthenticatedError
from citewell.domain.principal import Role, Scope
from citewell.storage.database import Database

SECRET = credentials.new_secret()
GIVEN = "0123456789abcdef" * 2


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts.of(database, SECRET, clock)


def admin_key(folder: Path, given: str | None = None) -> str:
    return kept(folder, ADMIN_KEY, given)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_file_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "secrets"
    key = admin_key(folder)
    assert credentials.looks_valid(key)
    assert key.startswith("cw_")
    assert mode(folder) == 0o700
    assert mode(folder / "admin-key") == 0o600
    assert admin_key(folder) == key
    assert admin_key(folder, key) == key
    assert [path.name for path in folder.iterdir()] == ["admin-key"]


def test_a_key_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    admin_key(tmp_path)
    (tmp_path / "admin-key").chmod(0o644)
    admin_key(tmp_path)
    assert mode(tmp_path / "admin-key") == 0o600


async def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    found = await asyncio.gather(*(asyncio.to_thread(admin_key, tmp_path) for _ in range(16)))
    assert len(set(found)) == 1
    assert names_in(tmp_path) == ["admin-key"]


def test_a_given_key_is_kept_on_the_first_start(tmp_path: Path) -> None:
    assert admin_key(tmp_path, GIVEN) == GIVEN
    assert admin_key(tmp_path) == GIVEN


def test_a_key_that_would_have_no_effect_or_no_strength_stops_the_start(tmp_path: Path) -> None:
    for weak in ("short", "x" * 31, "x" * 300, "with spaces " * 4, "ü" * 40, "x" * 31 + "\n"):
        with pytest.raises(StartError, match="visible ASCII"):
            admin_key(tmp_path, weak)
    for known in ("changeme" * 4, "0123456789abcdef-this-is-an-example", "ab" * 20):
        with pytest.raises(StartError, match="an example or a pattern"):
            admin_key(tmp_path, known)
    admin_key(tmp_path, GIVEN)
    with pytest.raises(StartError, match="differs"):
        admin_key(tmp_path, GIVEN[::-1])
    (tmp_path / "admin-key").write_text("")
    with pytest.raises(StartError, match="visible ASCII"):
        admin_key(tmp_path)
    (tmp_path / "admin-key").write_bytes(b"\xff" * 40)
    with pytest.raises(StartError, match="cannot be kept"):
        admin_key(tmp_path)


def test_a_server_that_others_can_reach_makes_up_no_secret(tmp_path: Path) -> None:
    for which in (ADMIN_KEY, SECRET_KEY):
        with pytest.raises(StartError, match="is missing") as refused:
            kept(tmp_path, which, may_make=False)
        assert which.variable in refused.value.hint
        assert kept(tmp_path, which, GIVEN, may_make=False) == GIVEN
        assert kept(tmp_path, which, may_make=False) == GIVEN


def test_no_two_keys_are_alike() -> None:
    keys = {credentials.new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(len(key) >= 3 + 43 and credentials.looks_valid(key) for key in keys)


async def test_the_administrator_is_the_owner_under_the_newest_key(accounts: Accounts) -> None:
    first, second = credentials.new_key(), credentials.new_key()
    made = await accounts.ensure_administrator(first)
    assert made == await accounts.ensure_administrator(first)
    assert await accounts.authenticate(first) == made
    assert made.role is Role.OWNER
    assert made.scopes == frozenset(Scope)
    assert (await accounts.administrator()).user_id == made.user_id
    replaced = await accounts.ensure_administrator(second)
    assert (await accounts.authenticate(second)).user_id == made.user_id
    async with accounts.database.transaction(made.tenant_id) as tx:
        acted = [(one.actor, one.action, one.target) for one in await tx.audit.page()]
    assert acted[:2] == [
        (None, "key.revoke", str(made.key_id)),
        (None, "key.create", str(replaced.key_id)),
    ]
    assert acted.count((None, "key.create", str(made.key_id))) == 1, "not at every start"
    with pytest.raises(UnauthenticatedError):
        await Accounts.of(accounts.database, SECRET).authenticate(first)


async def test_every_unknown_credential_is_refused_in_the_same_words(accounts: Accounts) -> None:
    said = set()
    for credential in (
        "",
        "x",
        "cw_" + "A" * 43,
        "x" * 10_000,
        "ü" * 40,
        "\ud800" * 40,
        "a\x00" * 20,
    ):
        with pytest.raises(UnauthenticatedError) as refused:
            await accounts.authenticate(credential)
        said.add((refused.value.message, refused.value.hint))
    assert len(said) == 1


async def test_a_key_revoked_elsewhere_is_refused_within_five_seconds(
    accounts: Accounts, clock: Clock
) -> None:
    session = await accounts.open_session(await accounts.administrator())
    await accounts.authenticate(session)
    await Accounts.of(accounts.database, SECRET).close_session(session)
    assert CACHE_SECONDS <= 5
    clock.now += CACHE_SECONDS
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(session)


async def test_closing_a_session_ends_that_session_and_nothing_else(accounts: Accounts) -> None:
    key = credentials.new_key()
    principal = await accounts.ensure_administrator(key)
    one, two = [await accounts.open_session(principal) for _ in range(2)]
    await accounts.authenticate(one)
    await accounts.close_session(one)
    await accounts.close_session(key)
    await accounts.close_session("nothing")
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(one)
    assert (await accounts.authenticate(two)).user_id == principal.user_id
    assert (await accounts.authenticate(key)).user_id == principal.user_id


async def test_a_session_ends_with_the_key_that_opened_the_first_of_a_chain(
    accounts: Accounts, clock: Clock
) -> None:
    key = credentials.new_key()
    first = await accounts.open_session(await accounts.ensure_administrator(key))
    second = await accounts.open_session(await accounts.authenticate(first))
    third = await accounts.open_session(await accounts.authenticate(second))
    by_code = await accounts.redeem(accounts.issue_code())
    await accounts.close_session(second)
    assert (await accounts.authenticate(third)).role is Role.OWNER
    await accounts.ensure_administrator(credentials.new_key())
    clock.now += CACHE_SECONDS
    for ended in (key, first, second, third):
        with pytest.raises(UnauthenticatedError):
            await accounts.authenticate(ended)
    assert (await accounts.authenticate(by_code)).role is Role.OWNER


async def test_a_code_works_once_and_for_ten_minutes(accounts: Accounts, clock: Clock) -> None:
    code, late = accounts.issue_code(), accounts.issue_code()
    assert (await accounts.authenticate(await accounts.redeem(code))).role is Role.OWNER
    clock.now += codes.LIFETIME_SECONDS
    for over in (code, late, "", "unknown"):
        with pytest.raises(UnauthenticatedError):
            await accounts.redeem(over)


def test_codes_are_bounded_in_number() -> None:
    made = SignInCodes()
    issued = [made.issue() for _ in range(codes.MAX_OPEN + 1)]
    assert not made.redeem(issued[0])
    assert made.redeem(issued[1])
