"""All that one tenant holds about a person, by the inventory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select, update

from citewell.domain.ids import DocumentId, UserId
from citewell.storage.inventory import HOLDINGS, Fate, Holding
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.repositories.sealing.sealed import opened_row
from citewell.storage.tables.documents import document_versions, documents
from citewell.storage.tables.privacy import exports

BATCH = 500


class PeopleRepository(SealedScope):
    """A person's rows in one tenant."""

    async def counts(self, person: UserId) -> dict[str, int]:
        """How many rows each table holds about them; tables without any are left out."""
        found = {}
        for held in HOLDINGS:
            rows = await self.connection.execute(
                select(func.count()).select_from(held.table).where(self._of(held, person))
            )
            found[held.table.name] = int(rows.scalar_one())
        return {name: count for name, count in found.items() if count}

    async def rows(self, held: Holding, person: UserId) -> AsyncIterator[list[dict[str, Any]]]:
        """Their rows of a table, some at a time, without what is never shown."""
        query = select(*held.shown()).where(self._of(held, person))
        async with self.connection.stream(query.order_by(*held.table.primary_key)) as found:
            async for some in found.mappings().partitions(BATCH):
                yield [opened_row(self.seal, held.table, dict(row)) for row in some]

    async def originals(self, person: UserId) -> Sequence[tuple[str, str]]:
        """Blob and file name of every version whose bytes they brought."""
        rows = await self.connection.execute(
            select(document_versions.c.blob_key, documents.c.filename)
            .join(documents, documents.c.id == document_versions.c.document_id)
            .where(
                document_versions.c.tenant_id == self.tenant_id,
                document_versions.c.added_by == person,
            )
            .distinct()
            .order_by(documents.c.filename)
        )
        return [(row.blob_key, row.filename) for row in rows]

    async def copies(self, person: UserId) -> list[str]:
        """The blobs of the copies that were made for them."""
        rows = await self.connection.execute(
            select(exports.c.blob_key).where(
                exports.c.tenant_id == self.tenant_id,
                exports.c.user_id == person,
                exports.c.blob_key.is_not(None),
            )
        )
        return [str(key) for key in rows.scalars()]

    async def uploads(self, person: UserId) -> Sequence[DocumentId]:
        """The living documents to which nobody else has brought bytes."""
        version = document_versions
        others = select(version.c.id).where(
            version.c.document_id == documents.c.id, version.c.added_by.is_distinct_from(person)
        )
        mine = select(version.c.document_id).where(version.c.added_by == person)
        rows = await self.connection.execute(
            select(documents.c.id).where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.deleted_at.is_(None),
                documents.c.id.in_(mine),
                ~others.exists(),
            )
        )
        return [DocumentId(key) for key in rows.scalars()]

    async def lock_erasures(self) -> None:
        """One erasure at a time until this transaction ends: two owners must not both go."""
        await self.connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("citewell erasures", 0)))
        )

    async def erase(self, person: UserId) -> dict[str, int]:
        """Remove or unlink their rows; returns how many, by table."""
        removed = {}
        for held in HOLDINGS:
            mine = self._of(held, person)
            if held.fate is Fate.DELETED:
                done = await self.connection.execute(delete(held.table).where(mine))
            elif held.fate is Fate.UNLINKED:
                unlinked = update(held.table).where(mine).values(added_by=None)
                done = await self.connection.execute(unlinked)
            else:
                continue
            removed[held.table.name] = int(done.rowcount)
        return {name: count for name, count in removed.items() if count}

    def _of(self, held: Holding, person: UserId) -> ColumnElement[bool]:
        return and_(held.table.c.tenant_id == self.tenant_id, held.rows_of(person))
