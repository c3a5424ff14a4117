"""What was asked for in one tenant: consents given, copies, erasures."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import ErasureId, ExportId, TenantId, UserId, new_id
from citewell.domain.privacy import Consent, Erasure, Export
from citewell.storage.repositories.scope import Scope
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.tables.privacy import consents, erasures, exports


class RequestRepository(Scope):
    """The requests of one tenant's people."""

    async def decide(self, person: UserId, purpose: str, version: str, *, given: bool) -> Consent:
        """One more decision; those before it stay."""
        made = await self.connection.execute(
            insert(consents)
            .values(
                id=new_id(),
                tenant_id=self.tenant_id,
                user_id=person,
                purpose=purpose,
                version=version,
                given=given,
                at=func.clock_timestamp(),
            )
            .returning(consents.c.at)
        )
        return Consent(purpose, version, given, made.scalar_one())

    async def decisions(self, person: UserId, *, limit: int) -> Sequence[Consent]:
        """The newest first."""
        rows = await self.connection.execute(
            select(consents)
            .where(consents.c.tenant_id == self.tenant_id, consents.c.user_id == person)
            .order_by(consents.c.id.desc())
            .limit(limit)
        )
        return [Consent(row.purpose, row.version, row.given, row.at) for row in rows]

    async def has_agreed(self, person: UserId, purpose: str) -> bool:
        """Whether their last decision about the purpose was to agree."""
        rows = await self.connection.execute(
            select(consents.c.given)
            .where(
                consents.c.tenant_id == self.tenant_id,
                consents.c.user_id == person,
                consents.c.purpose == purpose,
            )
            .order_by(consents.c.id.desc())
            .limit(1)
        )
        return bool(rows.scalar_one_or_none())

    async def ask_export(self, person: UserId, requested_by: UserId) -> Export:
        """A copy that is not made yet."""
        made = await self.connection.execute(
            insert(exports)
            .values(
                id=new_id(), tenant_id=self.tenant_id, user_id=person, requested_by=requested_by
            )
            .returning(exports)
        )
        return _to_export(made.one())

    async def export(self, export_id: ExportId) -> Export:
        """Raises `NotFoundError`."""
        rows = await self.connection.execute(
            select(exports).where(exports.c.tenant_id == self.tenant_id, exports.c.id == export_id)
        )
        row = rows.one_or_none()
        if row is None:
            raise NotFoundError(f"No export {export_id}.")
        return _to_export(row)

    async def keep_export(self, export_id: ExportId, blob: StoredBlob) -> bool:
        """It is ready; False when it was asked to go meanwhile."""
        done = await self.connection.execute(
            update(exports)
            .where(exports.c.tenant_id == self.tenant_id, exports.c.id == export_id)
            .values(
                blob_key=blob.key,
                sha256=blob.sha256,
                size=blob.size,
                finished_at=func.clock_timestamp(),
            )
        )
        return bool(done.rowcount)

    async def add_erasure(self, asked: Erasure) -> bool:
        """An entry of the ledger; False when it is there already."""
        made = await self.connection.execute(
            upsert(erasures)
            .values(
                id=asked.id,
                tenant_id=self.tenant_id,
                user_id=asked.user_id,
                requested_by=asked.requested_by,
                everywhere=asked.everywhere,
                with_documents=asked.with_documents,
                created_at=asked.created_at,
                removed=dict(asked.removed),
            )
            .on_conflict_do_nothing()
            .returning(erasures.c.id)
        )
        return made.one_or_none() is not None

    async def erasure(self, erasure_id: ErasureId) -> Erasure:
        """Raises `NotFoundError`."""
        rows = await self.connection.execute(
            select(erasures).where(
                erasures.c.tenant_id == self.tenant_id, erasures.c.id == erasure_id
            )
        )
        row = rows.one_or_none()
        if row is None:
            raise NotFoundError(f"No erasure {erasure_id}.")
        return _to_erasure(row)

    async def mark_erased(self, erasure_id: ErasureId, removed: Mapping[str, int]) -> None:
        """Nothing about the person can be found any more."""
        await self._mark(erasure_id, removed=dict(removed), erased_at=func.clock_timestamp())

    async def mark_scrubbed(self, erasure_id: ErasureId, removed: Mapping[str, int]) -> None:
        """Their bytes are gone too."""
        await self._mark(erasure_id, removed=dict(removed), scrubbed_at=func.clock_timestamp())

    async def _mark(self, erasure_id: ErasureId, **values: Any) -> None:
        await self.connection.execute(
            update(erasures)
            .where(erasures.c.tenant_id == self.tenant_id, erasures.c.id == erasure_id)
            .values(**values)
        )


def _to_export(row: Row[Any]) -> Export:
    return Export(
        ExportId(row.id),
        UserId(row.user_id),
        row.created_at,
        row.finished_at,
        row.blob_key,
        row.sha256,
        row.size,
    )


def _to_erasure(row: Row[Any]) -> Erasure:
    return Erasure(
        id=ErasureId(row.id),
        tenant_id=TenantId(row.tenant_id),
        user_id=UserId(row.user_id),
        requested_by=UserId(row.requested_by),
        everywhere=row.everywhere,
        with_documents=row.with_documents,
        created_at=row.created_at,
        erased_at=row.erased_at,
        scrubbed_at=row.scrubbed_at,
        removed=row.removed,
    )
