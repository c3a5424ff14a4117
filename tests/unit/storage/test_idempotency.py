"""Idempotency keys: a request that is sent again has no second effect and the same reply."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from citewell.domain.errors import ConflictError, InvalidError
from citewell.domain.ids import TenantId, UserId, new_id
from citewell.storage.database import Database
from citewell.storage.repositories.idempotency import IdempotencyKey
from citewell.storage.transaction import Transaction
from tests.unit.storage.rows import execute

ADA = UserId(new_id())


def key_of(name: str = "k1", *, body: bytes = b"body", user: UserId = ADA) -> IdempotencyKey:
    return IdempotencyKey(user, "POST /documents", name, body)


async def effect(tx: Transaction) -> dict[str, Any]:
    """Something that must not happen twice."""
    await tx.audit.record(ADA, "effect", "once")
    return {"made": str(new_id())}


async def request(database: Database, tenant: TenantId, key: IdempotencyKey) -> dict[str, Any]:
    async with database.transaction(tenant) as tx:
        earlier = await tx.idempotency.claim(key)
        if earlier is not None:
            return earlier
        reply = await effect(tx)
        await tx.idempotency.keep(key, reply)
    return reply


async def effects(database: Database) -> int:
    async with database.engine.begin() as owner:
        found = await owner.execute(text("SELECT count(*) FROM audit_log"))
        return int(found.scalar_one())


async def test_twenty_duplicates_at_once_have_one_effect_and_one_reply(
    database: Database, tenant: TenantId
) -> None:
    replies = await asyncio.gather(*(request(database, tenant, key_of()) for _ in range(20)))
    assert replies == [replies[0]] * 20
    assert await effects(database) == 1


async def test_a_replay_is_answered_from_what_was_kept(
    database: Database, tenant: TenantId
) -> None:
    first = await request(database, tenant, key_of())
    assert await request(database, tenant, key_of()) == first
    assert await effects(database) == 1


@pytest.mark.parametrize(
    "other", [key_of("k2"), key_of(user=UserId(new_id())), IdempotencyKey(ADA, "x", "k1", b"body")]
)
async def test_another_key_user_or_route_is_another_request(
    database: Database, tenant: TenantId, other: IdempotencyKey
) -> None:
    await request(database, tenant, key_of())
    await request(database, tenant, other)
    assert await effects(database) == 2


async def test_another_tenant_may_use_the_same_key(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    await request(database, tenant, key_of())
    await request(database, other_tenant, key_of())
    assert await effects(database) == 2


async def test_the_same_key_with_another_body_is_refused(
    database: Database, tenant: TenantId
) -> None:
    await request(database, tenant, key_of())
    with pytest.raises(InvalidError, match="another body"):
        await request(database, tenant, key_of(body=b"other"))
    assert await effects(database) == 1


async def test_a_request_that_failed_can_be_sent_again(
    database: Database, tenant: TenantId
) -> None:
    async def failing() -> None:
        async with database.transaction(tenant) as tx:
            await tx.idempotency.claim(key_of())
            await effect(tx)
            raise ConflictError("as if the rest of the story had failed")

    with pytest.raises(ConflictError, match="as if"):
        await failing()
    assert await effects(database) == 0
    await request(database, tenant, key_of())
    assert await effects(database) == 1


async def test_a_key_without_a_reply_is_still_at_work(database: Database, tenant: TenantId) -> None:
    async with database.transaction(tenant) as tx:
        assert await tx.idempotency.claim(key_of()) is None
    with pytest.raises(ConflictError, match="still at work"):
        await request(database, tenant, key_of())


async def test_a_reply_is_forgotten_after_its_time_and_not_before(
    database: Database, tenant: TenantId
) -> None:
    first = await request(database, tenant, key_of())
    await execute(database, "UPDATE idempotency SET created_at = now() - interval '23 hours'")
    assert await request(database, tenant, key_of()) == first
    await execute(database, "UPDATE idempotency SET created_at = now() - interval '25 hours'")
    assert await request(database, tenant, key_of(body=b"other")) != first
    assert await effects(database) == 2
