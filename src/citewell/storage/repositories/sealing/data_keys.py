"""The key ring of one tenant: incoming, active, retiring, retired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.ids import TenantId
from citewell.storage.repositories.scope import Scope
from citewell.storage.sealing.masters import StoredKey
from citewell.storage.tables.sealing import data_keys


class KeyState(StrEnum):
    """A key opens until it is retired; the active one seals."""

    INCOMING = "incoming"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class RingKey:
    """A data key of a tenant; `stored` is None when it was retired, and erased with that.

    `waiting_seconds` is how long it has been incoming, or active.
    """

    id: UUID
    tenant_id: TenantId
    state: KeyState
    complete: bool
    waiting_seconds: float
    created_at: datetime
    stored: StoredKey | None


_SINCE = func.coalesce(data_keys.c.activated_at, data_keys.c.created_at)
RING = select(
    data_keys, func.extract("epoch", func.clock_timestamp() - _SINCE).label("seconds")
).order_by(data_keys.c.created_at, data_keys.c.id)
_ANYTHING = text(
    "SELECT EXISTS (SELECT FROM document_versions WHERE tenant_id = :tenant)"
    " OR EXISTS (SELECT FROM conversations WHERE tenant_id = :tenant)"
)


class DataKeyRepository(Scope):
    """The data keys of one tenant."""

    async def ring(self) -> Sequence[RingKey]:
        """Every key, the oldest first."""
        found = await self.connection.execute(RING.where(data_keys.c.tenant_id == self.tenant_id))
        return to_ring(found.all())

    async def holds_anything(self) -> bool:
        """Whether there is anything of the tenant that could be plain."""
        found = await self.connection.execute(_ANYTHING, {"tenant": self.tenant_id})
        return bool(found.scalar_one())

    async def add(self, key: StoredKey, state: KeyState, *, complete: bool) -> bool:
        """Keep a key; False when the tenant has one in this state already."""
        added = await self.connection.execute(
            insert(data_keys)
            .values(
                id=key.id,
                tenant_id=self.tenant_id,
                state=state.value,
                master=key.master,
                wrapped=key.wrapped,
                complete=complete,
                activated_at=func.now() if state is KeyState.ACTIVE else None,
            )
            .on_conflict_do_nothing()
            .returning(data_keys.c.id)
        )
        return added.one_or_none() is not None

    async def promote(self, key_id: UUID) -> None:
        """Let the incoming key seal from now on; the one before it still opens."""
        await self._set(data_keys.c.state == KeyState.ACTIVE.value, state=KeyState.RETIRING.value)
        await self._set(
            data_keys.c.id == key_id, state=KeyState.ACTIVE.value, activated_at=func.now()
        )

    async def complete(self, key_id: UUID) -> Sequence[UUID]:
        """Everything is sealed with this key: erase those before it, refuse what is plain.

        Returns the keys that were erased.
        """
        await self._set(data_keys.c.id == key_id, complete=True)
        return await self._set(
            data_keys.c.state == KeyState.RETIRING.value,
            state=KeyState.RETIRED.value,
            wrapped=None,
            retired_at=func.now(),
        )

    async def _set(self, which: ColumnElement[bool], **values: Any) -> Sequence[UUID]:
        changed = await self.connection.execute(
            update(data_keys)
            .where(data_keys.c.tenant_id == self.tenant_id, which)
            .values(**values)
            .returning(data_keys.c.id)
        )
        return list(changed.scalars())


def to_ring(rows: Sequence[Row[Any]]) -> list[RingKey]:
    """Rows of `RING`."""
    return [
        RingKey(
            id=row.id,
            tenant_id=TenantId(row.tenant_id),
            state=KeyState(row.state),
            complete=row.complete,
            waiting_seconds=float(row.seconds),
            created_at=row.created_at,
            stored=None
            if row.wrapped is None
            else StoredKey(row.id, row.master, row.wrapped, key_place(row.tenant_id)),
        )
        for row in rows
    ]


def key_place(tenant_id: TenantId) -> str:
    """What a data key is bound to."""
    return f"{tenant_id}/data_keys"
