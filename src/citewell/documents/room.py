"""Is there room for another file? Asked before its bytes are taken, where the answer was no."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from citewell.domain.allowances import Quota, Resource
from citewell.domain.errors import QuotaExceededError
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.storage.database import Database

MAX_TENANTS = 1024


@dataclass(frozen=True, slots=True)
class Room:
    """The transaction that stores a file is what keeps a quota.

    This spares the work for a tenant that was refused before; a tenant with room pays nothing.
    """

    database: Database
    _refused: dict[TenantId, None] = field(default_factory=dict)

    async def admit(
        self, principal: Principal, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """The pieces; raises `QuotaExceededError` before the first that would not fit."""
        if principal.tenant_id not in self._refused:
            return pieces
        async with self.database.transaction(principal) as tx:
            quotas = {quota.resource: quota for quota in await tx.quotas.all()}
        for resource in (Resource.DOCUMENTS, Resource.BYTES):
            if quotas[resource].left == 0:
                raise quotas[resource].refusal(1)
        return _within(pieces, quotas[Resource.BYTES])

    @asynccontextmanager
    async def remembering(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """Remember the tenant when it is refused in here."""
        try:
            yield
        except QuotaExceededError:
            while len(self._refused) >= MAX_TENANTS:
                self._refused.pop(next(iter(self._refused)))
            self._refused[tenant_id] = None
            raise


async def _within(pieces: AsyncIterator[bytes], quota: Quota) -> AsyncIterator[bytes]:
    taken = 0
    async for piece in pieces:
        taken += len(piece)
        if quota.left is not None and taken > quota.left:
            raise quota.refusal(taken)
        yield piece
