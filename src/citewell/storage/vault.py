"""The vault: the seals of all tenants, opened with the master keys.

What a process knows of a tenant's ring is at most `FRESH_SECONDS` old. A new key is made known for
`KNOWN_SECONDS` before it seals, and the one before it opens for `SETTLED_SECONDS` more, which is
longer than any transaction lasts: no process ever meets a key that it cannot have.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.errors import StartError
from citewell.domain.ids import TenantId, new_id
from citewell.domain.jobs import JobKind
from citewell.storage.at_once.entering import ENTER_SYSTEM, enter_tenant
from citewell.storage.repositories.audit import AuditRepository
from citewell.storage.repositories.jobs import JobRepository
from citewell.storage.repositories.sealing.data_keys import (
    RING,
    DataKeyRepository,
    KeyState,
    RingKey,
    key_place,
    to_ring,
)
from citewell.storage.sealing.masters import MasterKeys, StoredKey
from citewell.storage.sealing.records import KEY_BYTES, DataKey
from citewell.storage.sealing.seal import Seal, TenantKeys
from citewell.storage.tables.tenancy import tenants

FRESH_SECONDS = 10.0
KNOWN_SECONDS = 3 * FRESH_SECONDS
SETTLED_SECONDS = 120.0

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


@dataclass(slots=True)
class Vault:
    """Closed, it gives seals that let everything pass: encryption is off."""

    begin: Begin
    _masters: MasterKeys | None = None
    _seals: dict[TenantId, tuple[float, Seal]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether encryption is on."""
        return self._masters is not None

    async def unlock(self, masters: MasterKeys | None) -> None:
        """Turn encryption on, for all tenants, or find that it may stay off.

        What is plain is sealed by a job. Raises `StartError` when a stored key does not open, and
        when there is one though encryption is off.
        """
        ring = await self.ring()
        kept = [key.stored for key in ring if key.stored is not None]
        if masters is None:
            if kept:
                raise StartError(
                    "What is stored is encrypted, and encryption is off.",
                    hint="Set CITEWELL_ENCRYPTION__ENABLED=true, with the master key.",
                )
            return
        for stored in kept:
            masters.unwrap(stored)
        self._masters = masters
        async with self.begin() as connection:
            await connection.execute(ENTER_SYSTEM)
            found = await connection.execute(tenants.select().with_only_columns(tenants.c.id))
            known = [TenantId(one) for one in found.scalars()]
        having = {key.tenant_id for key in ring if key.state is KeyState.ACTIVE}
        for tenant_id in known:
            if tenant_id not in having:
                await self.seal(tenant_id)

    async def ring(self) -> list[RingKey]:
        """The keys of every tenant, the oldest first."""
        async with self.begin() as connection:
            await connection.execute(ENTER_SYSTEM)
            return to_ring((await connection.execute(RING)).all())

    async def seal(self, tenant_id: TenantId) -> Seal:
        """The tenant's seal, as of the last `FRESH_SECONDS`; its first key is made when needed."""
        if self._masters is None:
            return Seal(tenant_id)
        at, seal = self._seals.get(tenant_id, (0.0, Seal(tenant_id)))
        if seal.keys is None or time.monotonic() - at > FRESH_SECONDS:
            at = time.monotonic()
            async with self.begin() as connection:
                await enter_tenant(connection, tenant_id)
                # Whoever holds the seal already has the new keys with this.
                seal.keys = await self._keys(connection, tenant_id, self._masters)
            self._seals[tenant_id] = (at, seal)
        return seal

    async def rotate(self, tenant_id: TenantId) -> bool:
        """Begin to seal everything anew, on record; False while that is under way already."""
        if self._masters is None:
            return False
        async with self.begin() as connection:
            await enter_tenant(connection, tenant_id)
            keys = DataKeyRepository(connection, tenant_id)
            living = [key for key in await keys.ring() if key.stored is not None]
            if len(living) != 1 or not living[0].complete:
                return False
            stored = _new_key(tenant_id, self._masters)
            if await keys.add(stored, KeyState.INCOMING, complete=True):
                await _enqueue(connection, tenant_id, stored)
                told = {"before": str(living[0].id), "master": stored.master}
                trail = AuditRepository(connection, tenant_id)
                await trail.record(None, "encryption.rotate", str(stored.id), details=told)
                return True
        return False

    def forget(self) -> None:
        """Look every ring up again with the next seal."""
        self._seals = {tenant_id: (0.0, seal) for tenant_id, (_, seal) in self._seals.items()}

    async def _keys(
        self, connection: AsyncConnection, tenant_id: TenantId, masters: MasterKeys
    ) -> TenantKeys:
        repository = DataKeyRepository(connection, tenant_id)
        ring = await repository.ring()
        if not any(key.state is KeyState.ACTIVE for key in ring):
            stored = _new_key(tenant_id, masters)
            empty = not await repository.holds_anything()
            if await repository.add(stored, KeyState.ACTIVE, complete=empty):
                if not empty:
                    await _enqueue(connection, tenant_id, stored)
                trail = AuditRepository(connection, tenant_id)
                await trail.record(
                    None, "encryption.begin", str(stored.id), details={"master": stored.master}
                )
            ring = await repository.ring()
        living = [(key, masters.unwrap(key.stored)) for key in ring if key.stored is not None]
        active = next(pair for pair in living if pair[0].state is KeyState.ACTIVE)
        known = {secret.id: secret for _, secret in living}
        return TenantKeys(active[1], known, active[0].complete)


def _new_key(tenant_id: TenantId, masters: MasterKeys) -> StoredKey:
    key, place = DataKey(new_id(), os.urandom(KEY_BYTES)), key_place(tenant_id)
    return StoredKey(key.id, masters.first, masters.wrap(key, place), place)


async def _enqueue(connection: AsyncConnection, tenant_id: TenantId, key: StoredKey) -> None:
    # Whoever waits for a document goes first.
    await JobRepository(connection, tenant_id).enqueue(JobKind.RESEAL, key.id, priority=-1)
