"""The record of what was done: read, and held against its own chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.accounts import AuditRecord
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
