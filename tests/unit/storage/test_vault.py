"""Encryption is on with the right master key, or the process does not start."""

import base64
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from citewell.domain.errors import DamagedError, StartError
from citewell.domain.ids import ConversationId, TenantId
from citewell.storage.database import Database
from citewell.storage.repositories.sealing.data_keys import KeyState
from citewell.storage.sealing import masters
from citewell.storage.sealing.masters import MasterKeys
from citewell.storage.vault import Vault
from tests.unit.storage.rows import ask

FIRST, SECOND = (bytes(range(n, n + 32)) for n in (1, 101))


def text_of(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


async def begin_again(database: Database, given: MasterKeys | None) -> None:
    """As another process would start on the same database."""
    await Vault(database.vault.begin).unlock(given)


async def test_the_key_that_sealed_the_data_is_needed_to_start(
    database: Database, tenant: TenantId
) -> None:
    await database.vault.unlock(MasterKeys((FIRST,)))
    await begin_again(database, MasterKeys((FIRST,)))
    await begin_again(database, MasterKeys((SECOND, FIRST)))
    with pytest.raises(StartError, match=r"master key \w+, which seals stored data, is missing"):
        await begin_again(database, MasterKeys((SECOND,)))
    with pytest.raises(StartError, match="encryption is off"):
        await begin_again(database, None)
    async with database.engine.begin() as connection:
        changed = text("UPDATE data_keys SET wrapped = overlay(wrapped placing 'x' from 20)")
        await connection.execute(changed)
    with pytest.raises(StartError, match="does not open"):
        await begin_again(database, MasterKeys((FIRST,)))


async def test_a_data_key_of_another_tenant_does_not_open(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    await database.vault.unlock(MasterKeys((FIRST,)))
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM data_keys WHERE tenant_id = :t"), {"t": tenant})
        await connection.execute(text("UPDATE data_keys SET tenant_id = :t"), {"t": tenant})
    with pytest.raises(StartError, match="does not open"):
        await begin_again(database, MasterKeys((FIRST,)))


async def test_a_tenant_without_anything_is_sealed_from_its_first_row(
    database: Database, tenant: TenantId
) -> None:
    await database.vault.unlock(MasterKeys((FIRST,)))
    (key,) = await database.vault.ring()
    assert (key.state, key.complete) == (KeyState.ACTIVE, True)
    said = await ask(database, tenant, "Where does the tide turn?")
    async with database.transaction(tenant) as tx:
        (message,) = await tx.conversations.messages(said)
    assert message.text == "Where does the tide turn?"
    async with database.engine.begin() as connection:
        stored = await connection.execute(text("SELECT text, title FROM messages, conversations"))
        assert all(value.startswith(f"cw1:{key.id.hex}:") for value in stored.one())


async def test_a_message_moved_to_another_row_is_refused(
    database: Database, tenant: TenantId
) -> None:
    await database.vault.unlock(MasterKeys((FIRST,)))
    conversation: ConversationId = await ask(database, tenant, "One?")
    await ask(database, tenant, "Two?", conversation)
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE messages m SET text = o.text FROM messages o WHERE o.id <> m.id")
        )
    async with database.transaction(tenant) as tx:
        with pytest.raises(DamagedError, match=r"messages\.text"):
            await tx.conversations.messages(conversation)


async def test_a_message_written_plain_behind_our_back_is_refused(
    database: Database, tenant: TenantId
) -> None:
    await database.vault.unlock(MasterKeys((FIRST,)))
    conversation = await ask(database, tenant, "One?")
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE messages SET text = 'forged'"))
    async with database.transaction(tenant) as tx:
        with pytest.raises(DamagedError):
            await tx.conversations.messages(conversation)


async def test_two_processes_that_begin_together_use_one_key(
    database: Database, tenant: TenantId
) -> None:
    given = MasterKeys((FIRST,))
    one, two = Vault(database.vault.begin), Vault(database.vault.begin)
    await one.unlock(given)
    await two.unlock(given)
    assert (await one.seal(tenant)).active.id == (await two.seal(tenant)).active.id


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "holds no key"),
        ("short", "no key of 256 bits"),
        ("A" * 43 + "=", "no key of 256 bits"),
        (text_of(FIRST)[:-1], "no key of 256 bits"),
        (text_of(FIRST) + " %%%", "no key of 256 bits"),
    ],
)
def test_what_is_no_key_is_refused_by_the_name_of_its_setting(given: str, said: str) -> None:
    with pytest.raises(StartError, match=f"CITEWELL_ENCRYPTION__KEY .*{said}") as raised:
        masters.parse(given, "CITEWELL_ENCRYPTION__KEY")
    assert not given or given not in str(raised.value)


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    made = masters.choose(None, None, tmp_path, new=True)
    assert masters.choose(None, None, tmp_path, new=True) == made
    assert masters.choose(None, None, tmp_path, new=False) == made
    assert [path.name for path in tmp_path.iterdir()] == [masters.FILE_NAME]
    assert (tmp_path / masters.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_no_key_is_made_when_data_is_sealed_already(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read from"):
        masters.choose(None, None, tmp_path, new=False)
    assert list(tmp_path.iterdir()) == []


def test_keys_come_from_one_place(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{text_of(FIRST)}\n{text_of(SECOND)}\n")
    assert masters.choose(None, path, tmp_path, new=True) == MasterKeys((FIRST, SECOND))
    assert masters.choose(text_of(FIRST), None, tmp_path, new=True) == MasterKeys((FIRST,))
    with pytest.raises(StartError, match="both set"):
        masters.choose(text_of(FIRST), path, tmp_path, new=True)


def test_a_secret_that_the_folder_cannot_keep_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=os.fspath(tmp_path)):
        masters.choose(None, None, tmp_path / "nowhere", new=True)
