"""The audit chain: whatever is changed, removed or moved is found where it happened."""

import asyncio
import random

import pytest
from sqlalchemy import text

from citewell.domain.ids import TenantId, new_id
from citewell.storage.database import Database
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import bind
from tests.unit.storage.rows import execute

RECORDS = 12
VERIFIED = 60

# One change of every column that says something.
FLIPS = {
    "id": "id = gen_random_uuid()",
    "actor": "actor = gen_random_uuid()",
    "no actor": "actor = NULL",
    "action": "action = action || '.'",
    "target": "target = 'somebody else'",
    "details": """details = details || '{"size": 4}'""",
    "request": "request_id = ''",
    "time": "at = at - interval '1 microsecond'",
    "previous hash": "previous_hash = set_byte(hash, 0, get_byte(hash, 0) # 1)",
    "hash": "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
}


@pytest.fixture
async def chain(database: Database, tenant: TenantId) -> None:
    """`RECORDS` records."""
    bind(request_id="r")
    async with database.transaction(tenant) as tx:
        for number in range(RECORDS):
            await record_in(tx, number)


async def record(database: Database, tenant: TenantId, number: int) -> None:
    async with database.transaction(tenant) as tx:
        await record_in(tx, number)


async def record_in(tx: Transaction, number: int) -> None:
    await tx.audit.record(new_id(), "document.add", f"target {number}", details={"size": 3})


async def first_broken(database: Database, tenant: TenantId) -> int | None:
    async with database.transaction(tenant) as tx:
        return (await tx.audit.verify()).broken


@pytest.mark.usefixtures("chain")
async def test_an_untouched_chain_is_whole(database: Database, tenant: TenantId) -> None:
    assert await first_broken(database, tenant) is None


async def test_an_empty_chain_is_whole(database: Database, tenant: TenantId) -> None:
    assert await first_broken(database, tenant) is None


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("change", FLIPS.values(), ids=FLIPS.keys())
async def test_a_changed_record_is_found(
    database: Database, tenant: TenantId, change: str, seed: int
) -> None:
    at = random.Random(seed).randrange(RECORDS)
    await execute(database, f"UPDATE audit_log SET {change} WHERE number = :n", n=at)
    assert await first_broken(database, tenant) == at


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("at", [0, 5, RECORDS - 1])
async def test_a_removed_record_is_found(database: Database, tenant: TenantId, at: int) -> None:
    await execute(database, "DELETE FROM audit_log WHERE number = :n", n=at)
    assert await first_broken(database, tenant) == at


@pytest.mark.usefixtures("chain")
async def test_records_removed_from_the_end_are_missed_even_after_new_ones(
    database: Database, tenant: TenantId
) -> None:
    await execute(database, "DELETE FROM audit_log WHERE number >= :n", n=RECORDS - 2)
    assert await first_broken(database, tenant) == RECORDS - 2
    await record(database, tenant, RECORDS)
    assert await first_broken(database, tenant) == RECORDS - 2


@pytest.mark.usefixtures("chain")
async def test_two_records_that_changed_places_are_found(
    database: Database, tenant: TenantId, seed: int
) -> None:
    first, second = sorted(random.Random(seed).sample(range(RECORDS), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        await execute(
            database, "UPDATE audit_log SET number = :new WHERE number = :old", new=new, old=old
        )
    assert await first_broken(database, tenant) == first


@pytest.mark.usefixtures("chain")
async def test_a_forged_record_at_the_end_is_found(database: Database, tenant: TenantId) -> None:
    await execute(
        database,
        "INSERT INTO audit_log SELECT gen_random_uuid(), tenant_id, number + 1, actor, action,"
        " target, details, request_id, at, hash, hash FROM audit_log WHERE number = :n",
        n=RECORDS - 1,
    )
    assert await first_broken(database, tenant) == RECORDS


async def test_concurrent_actions_make_one_chain_per_tenant(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    tenants = [tenant, other_tenant] * 8
    await asyncio.gather(*(record(database, one, i) for i, one in enumerate(tenants)))
    for one in (tenant, other_tenant):
        assert await first_broken(database, one) is None
        async with database.engine.begin() as owner:
            found = await owner.execute(
                text("SELECT number FROM audit_log WHERE tenant_id = :t ORDER BY 1"), {"t": one}
            )
            assert list(found.scalars()) == list(range(8))


async def test_what_is_recorded_during_a_verification_is_no_break(
    database: Database, tenant: TenantId
) -> None:
    async def write() -> None:
        for number in range(VERIFIED):
            await record(database, tenant, number)

    writing = asyncio.ensure_future(write())
    seen: list[int] = []
    while not writing.done():
        async with database.transaction(tenant) as tx:
            chain = await tx.audit.verify()
        assert chain.broken is None
        seen.append(chain.records)
    await writing
    assert len(set(seen)) > 2, "some were looked at while more were written"


async def test_an_action_that_fails_leaves_no_record(database: Database, tenant: TenantId) -> None:
    async def failing() -> None:
        async with database.transaction(tenant) as tx:
            await tx.audit.record(new_id(), "document.add", "never")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await failing()
    await record(database, tenant, 0)
    assert await first_broken(database, tenant) is None


async def test_details_are_sealed_as_the_database_keeps_them(
    database: Database, tenant: TenantId
) -> None:
    details = {
        "big": 1e20,
        "small": 1e-7,
        "whole": 2.0,
        "none": None,
        "é": ["ü", {"b": 1, "a": -0.0}],
    }
    async with database.transaction(tenant) as tx:
        await tx.audit.record(new_id(), "x", "y", details=details)
    assert await first_broken(database, tenant) is None


async def test_a_writer_of_records_does_not_block_rows_of_the_same_tenant(
    database: Database, tenant: TenantId
) -> None:
    async with database.transaction(tenant) as auditing:
        await auditing.audit.record(new_id(), "x", "y")
        async with asyncio.timeout(10), database.transaction(tenant) as tx:
            await tx.spaces.ensure("model", "1", 4)
