"""What an operator asks about encryption at rest, and tells it to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import TenantId
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repositories.sealing.data_keys import KeyState, RingKey
from citewell.storage.repositories.sealing.sealed import STORES


@dataclass(frozen=True, slots=True)
class Encryption:
    """What an operator asks about encryption at rest, over all tenants."""

    database: Database
    blobs: BlobStore

    async def status(self) -> list[dict[str, object]]:
        """One line per tenant and store: how much of it is sealed with the active key."""
        lines: list[dict[str, object]] = []
        for tenant_id, ring in _by_tenant(await self.database.vault.ring()).items():
            states = " ".join(f"{key.state.value}:{key.id}" for key in ring)
            async with self.database.transaction(tenant_id) as tx:
                counts = [(store.name, await tx.sealed.counts(store)) for store in STORES]
            counts.append(("blobs", await self._blobs(tenant_id)))
            lines += [
                {
                    "tenant": str(tenant_id),
                    "store": name,
                    "sealed": sealed,
                    "total": total,
                    "complete": _active(ring).complete,
                    "keys": states,
                }
                for name, (sealed, total) in counts
            ]
        return lines

    async def rotate(self) -> list[dict[str, object]]:
        """Give every tenant a new key, and the job that seals everything with it."""
        return [
            {"tenant": str(tenant_id), "started": await self.database.vault.rotate(tenant_id)}
            for tenant_id in _by_tenant(await self.database.vault.ring())
        ]

    async def _blobs(self, tenant_id: TenantId) -> tuple[int, int]:
        seal = await self.database.seal(tenant_id)
        sealed, total, after = 0, 0, None
        while True:
            async with self.database.transaction(tenant_id) as tx:
                batch = await tx.sealed.blobs(after, 1_000)
            if not batch:
                return sealed, total
            keys = {key for _, key in batch}
            sealed += await asyncio.to_thread(self.blobs.sealed_with, keys, seal)
            total, after = total + len(keys), batch[-1][0]


def _by_tenant(ring: Sequence[RingKey]) -> dict[TenantId, list[RingKey]]:
    found: dict[TenantId, list[RingKey]] = {}
    for key in ring:
        found.setdefault(key.tenant_id, []).append(key)
    return found


def _active(ring: Sequence[RingKey]) -> RingKey:
    for key in ring:
        if key.state is KeyState.ACTIVE:
            return key
    raise NotFoundError("A tenant has no active data key.", hint="Start the server once.")
