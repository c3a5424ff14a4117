"""The record of actions: a hash chain per tenant, written in the action's own transaction."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from citewell.domain.ids import new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import audit_log


class AuditRepository(Scope):
    """The audit log of one tenant."""

    async def record(
        self,
        actor: UUID,
        action: str,
        target: str,
        *,
        details: Mapping[str, Any] | None = None,
        request_id: str = "",
    ) -> None:
        """Append one record; it commits with the action or not at all."""
        # One writer per chain at a time: two records must not follow the same one.
        await self.connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(str(self.tenant_id), 7)))
        )
        last = await self.connection.execute(
            select(audit_log.c.number, audit_log.c.hash)
            .where(audit_log.c.tenant_id == self.tenant_id)
            .order_by(audit_log.c.number.desc())
            .limit(1)
        )
        row = last.one_or_none()
        number, previous = (row.number + 1, row.hash) if row else (0, b"")
        content = {
            "number": number,
            "actor": str(actor),
            "action": action,
            "target": target,
            "details": dict(details or {}),
            "request_id": request_id,
        }
        await self.connection.execute(
            insert(audit_log).values(
                id=new_id(),
                tenant_id=self.tenant_id,
                number=number,
                actor=actor,
                action=action,
                target=target,
                details=content["details"],
                request_id=request_id,
                previous_hash=previous,
                hash=chain_hash(previous, content),
            )
        )

    async def first_broken(self) -> int | None:
        """The number of the first record that does not follow from the one before it."""
        rows = await self.connection.execute(
            select(audit_log)
            .where(audit_log.c.tenant_id == self.tenant_id)
            .order_by(audit_log.c.number)
        )
        previous = b""
        for expected, row in enumerate(rows):
            content = {
                "number": expected,
                "actor": str(row.actor),
                "action": row.action,
                "target": row.target,
                "details": row.details,
                "request_id": row.request_id,
            }
            if row.previous_hash != previous or row.hash != chain_hash(previous, content):
                return expected
            previous = row.hash
        return None


def chain_hash(previous: bytes, content: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the record's canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(previous + canonical.encode()).digest()
