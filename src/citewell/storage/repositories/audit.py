"""The record of actions: a hash chain per tenant, written in the action's own transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from citewell.domain.accounts import AuditRecord, Chain
from citewell.domain.ids import new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import audit_log, tenants
from citewell.telemetry.logs import bound

SHOWN = ("number", "id", "actor", "action", "target", "details", "request_id", "at", "hash")
CONTENT = ("id", "tenant_id", "number", "actor", "action", "target", "details", "request_id", "at")


class AuditRepository(Scope):
    """The audit log of one tenant."""

    async def record(
        self,
        actor: UUID | None,
        action: str,
        target: str,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one record; it commits with the action or not at all.

        Without an `actor` it was done by whoever operates the installation, past every door.
        """
        before = await self._hold_end(details or {})
        record = {
            "id": new_id(),
            "tenant_id": self.tenant_id,
            "number": before.audit_head + 1,
            "actor": actor,
            "action": action,
            "target": target,
            "details": before.details,
            "request_id": bound("request_id"),
            "at": before.at,
        }
        sealed = chain_hash(before.audit_hash, record)
        added = insert(audit_log).values(**record, previous_hash=before.audit_hash, hash=sealed)
        await self.connection.execute(
            update(tenants)
            .where(tenants.c.id == self.tenant_id)
            .values(audit_head=record["number"], audit_hash=sealed)
            .add_cte(added.cte("added"))
        )

    async def page(self, *, before: int | None = None, limit: int = 200) -> Sequence[AuditRecord]:
        """Records, the newest first, those before the number `before`."""
        query = select(*(audit_log.c[name] for name in SHOWN))
        query = query.where(audit_log.c.tenant_id == self.tenant_id)
        if before is not None:
            query = query.where(audit_log.c.number < before)
        rows = await self.connection.execute(query.order_by(audit_log.c.number.desc()).limit(limit))
        return [AuditRecord(**row._mapping) for row in rows]  # noqa: SLF001  # A public name.

    async def verify(self) -> Chain:
        """Hold every record against the chain; the first that is missing, changed or misplaced."""
        # In one statement: what is recorded meanwhile is in both of its sides, or in none.
        anchored = (
            select(tenants.c.audit_head, tenants.c.audit_hash, audit_log)
            .select_from(tenants.outerjoin(audit_log, audit_log.c.tenant_id == tenants.c.id))
            .where(tenants.c.id == self.tenant_id)
            .order_by(audit_log.c.number)
        )
        previous, expected, broken = b"", 0, None
        async with self.connection.stream(anchored) as rows:
            async for row in rows:
                if row.number is None:
                    break
                if not _follows(row, expected, previous):
                    broken = expected
                    break
                previous, expected = row.hash, expected + 1
        records, end = int(row.audit_head) + 1, row.audit_hash
        if broken is None and (expected, previous) != (records, end):
            broken = min(expected, records) if expected != records else max(0, expected - 1)
        return Chain(records, end, broken)

    async def _hold_end(self, details: Mapping[str, Any]) -> Row[Any, Any, Any, Any]:
        """Where the chain ends, held until this transaction does, the time, and the details."""
        found = await self.connection.execute(
            select(
                tenants.c.audit_head,
                tenants.c.audit_hash,
                func.clock_timestamp().label("at"),
                # As it will be read again: the database writes numbers its own way.
                cast(dict(details), JSONB).label("details"),
            )
            .where(tenants.c.id == self.tenant_id)
            # One writer per chain at a time: two records must not follow the same one. The lock
            # leaves alone whoever only refers to the tenant.
            .with_for_update(key_share=True)
        )
        return found.one()


def _follows(row: Row[Any], number: int, previous: bytes) -> bool:
    record = {name: getattr(row, name) for name in CONTENT}
    return bool(
        row.number == number
        and row.previous_hash == previous
        and row.hash == chain_hash(previous, record)
    )


def chain_hash(previous: bytes, record: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the record's canonical JSON."""
    content = {name: _plain(record[name]) for name in CONTENT}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(previous + canonical.encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value
