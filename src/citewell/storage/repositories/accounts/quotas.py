"""Quotas of one tenant. Triggers count, in the transaction that changes what is counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.allowances import Quota, Resource
from citewell.domain.errors import QuotaExceededError
from citewell.domain.ids import TenantId
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.allowances import quotas

QUOTA_EXCEEDED = "CWQ01"

_HOLD = text(
    "INSERT INTO quotas (tenant_id) VALUES (:tenant)"
    " ON CONFLICT (tenant_id) DO UPDATE SET documents = quotas.documents RETURNING *"
)
# Whoever changes something counts it when committing, behind the row that is held here: a change
# is either seen by this or added after it.
_RECOUNT = text(
    "UPDATE quotas SET documents = d.documents, bytes = v.bytes, pages = v.pages,"
    " tokens = v.tokens FROM"
    " (SELECT count(*) AS documents FROM documents"
    "  WHERE tenant_id = :tenant AND deleted_at IS NULL) d,"
    " (SELECT coalesce(sum(v.size), 0) AS bytes, coalesce(sum(v.page_count), 0) AS pages,"
    "  coalesce(sum(v.tokens), 0) AS tokens FROM document_versions v"
    "  WHERE v.tenant_id = :tenant) v"
    " WHERE quotas.tenant_id = :tenant RETURNING quotas.*"
)


class QuotaRepository(Scope):
    """The quotas of one tenant."""

    async def all(self) -> tuple[Quota, ...]:
        """One per resource."""
        found = await self.connection.execute(
            select(quotas).where(quotas.c.tenant_id == self.tenant_id)
        )
        return _to_quotas(found.mappings().one_or_none())

    async def recount(self) -> tuple[tuple[Quota, ...], tuple[Quota, ...]]:
        """Count what is stored; the counters as they were, and as they are now."""
        before = await self.connection.execute(_HOLD, {"tenant": self.tenant_id})
        after = await self.connection.execute(_RECOUNT, {"tenant": self.tenant_id})
        return _to_quotas(before.mappings().one()), _to_quotas(after.mappings().one())


@dataclass(frozen=True)
class QuotaLimits:
    """The limits of every tenant; for the installation's role, as no tenant sets its own."""

    connection: AsyncConnection

    async def set(self, tenant_id: TenantId, limits: Mapping[Resource, int | None]) -> None:
        """Set the limits named, None for no limit; what is used already stays.

        Raises `NotFoundError` for an unknown tenant.
        """
        values = {f"max_{resource}": limit for resource, limit in limits.items()}
        await self.connection.execute(
            insert(quotas)
            .values(tenant_id=tenant_id, **values)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
        )


def quota_exceeded(detail: str) -> QuotaExceededError:
    """The refusal that a trigger's detail tells of: resource, limit, used, asked for."""
    what, limit, used, more = detail.split()
    return Quota(Resource(what), int(used), int(limit)).refusal(int(more))


def _to_quotas(row: RowMapping | None) -> tuple[Quota, ...]:
    if row is None:
        return tuple(Quota(resource, 0, None) for resource in Resource)
    return tuple(
        Quota(resource, row[resource.value], row[f"max_{resource.value}"]) for resource in Resource
    )
