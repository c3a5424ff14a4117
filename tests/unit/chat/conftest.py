"""Somebody who asks."""

import pytest

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database


async def viewer(database: Database, tenant: TenantId, name: str) -> Principal:
    async with database.transaction(tenant) as tx:
        user = await tx.keys.ensure_user(name, Role.VIEWER)
    return Principal(tenant, user, Role.VIEWER, frozenset({Scope.ASK}))


@pytest.fixture
async def asker(database: Database, tenant: TenantId) -> Principal:
    return await viewer(database, tenant, "asker")


@pytest.fixture
async def neighbour(database: Database, tenant: TenantId) -> Principal:
    """Another user of the same tenant."""
    return await viewer(database, tenant, "neighbour")


@pytest.fixture
async def stranger(database: Database, other_tenant: TenantId) -> Principal:
    """A user of another tenant."""
    return await viewer(database, other_tenant, "stranger")
