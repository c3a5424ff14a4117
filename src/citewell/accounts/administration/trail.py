"""The record of what was done: read, and held against its own chain of hashes."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.accounts import AuditRecord, Chain, Tenant
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class Trail:
    """For the administrators of a tenant; raises `DeniedError` for others."""

    database: Database

    async def page(
        self, principal: Principal, *, before: int | None = None, limit: int = 200
    ) -> Sequence[AuditRecord]:
        """The newest first, those before the number `before`."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            return await tx.audit.page(before=before, limit=limit)


async def verify(database: Database) -> Sequence[tuple[Tenant, Chain]]:
    """The chain of every tenant, for whoever operates the installation."""
    async with database.installation() as whole:
        everybody = [await whole.tenants.get(one) for one in await whole.tenants.every()]
    found = []
    for tenant in everybody:
        async with database.transaction(tenant.id) as tx:
            found.append((tenant, await tx.audit.verify()))
    return found
