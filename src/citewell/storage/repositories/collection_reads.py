"""Collections as they are read: found by id or name, counted, profiled."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from citewell.domain.accounts import Visibility
from citewell.domain.documents import Collection
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, SpaceId, TenantId
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.documents import collections, document_versions, documents


class CollectionReads(Scope):
    """Reads of the collections of one tenant."""

    async def get(self, collection_id: CollectionId) -> Collection:
        """Raises `NotFoundError`."""
        rows = await self._select(collections.c.id == collection_id)
        if not rows:
            raise NotFoundError(f"No collection {collection_id}.")
        return rows[0]

    async def by_name(self, name: str) -> Collection:
        """Raises `NotFoundError`."""
        rows = await self._select(collections.c.name == name)
        if not rows:
            raise NotFoundError(
                f"No collection named {name!r}.", hint="`citewell collections list` shows them."
            )
        return rows[0]

    async def find(self, name_or_id: str) -> Collection | None:
        """By id when it looks like one, else by name; None when there is none."""
        try:
            rows = await self._select(collections.c.id == UUID(name_or_id))
        except ValueError:
            rows = []
        rows = rows or await self._select(collections.c.name == name_or_id)
        return rows[0] if rows else None

    async def page(self, *, after: str = "", limit: int = 200) -> Sequence[Collection]:
        """In order of name, those after `after`."""
        return await self._select(collections.c.name > after, limit=limit)

    async def head(self, collection_id: CollectionId) -> tuple[SpaceId, int]:
        """The active space and last change number; raises `NotFoundError`."""
        found = await self.connection.execute(
            select(collections.c.active_space_id, collections.c.head).where(
                self._mine(collection_id)
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No collection {collection_id}.")
        return SpaceId(row.active_space_id), int(row.head)

    async def profile(self, collection_id: CollectionId) -> list[tuple[str, str, int]]:
        """(language, kind, how many) of the searchable documents, the most first."""
        found = await self.connection.execute(
            select(
                document_versions.c.language,
                document_versions.c.kind,
                func.count().label("n"),
            )
            .join(documents, documents.c.active_version_id == document_versions.c.id)
            .where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.collection_id == collection_id,
                documents.c.deleted_at.is_(None),
            )
            .group_by(document_versions.c.language, document_versions.c.kind)
            .order_by(func.count().desc())
        )
        return [(row.language, row.kind, row.n) for row in found]

    async def _select(self, condition: Any, *, limit: int = 1) -> list[Collection]:
        live = documents.c.deleted_at.is_(None) & (documents.c.collection_id == collections.c.id)
        document_count = select(func.count()).select_from(documents).where(live)
        chunk_count = (
            select(func.coalesce(func.sum(document_versions.c.chunks_total), 0))
            .select_from(
                documents.join(
                    document_versions, document_versions.c.id == documents.c.active_version_id
                )
            )
            .where(live)
        )
        rows = await self.connection.execute(
            select(
                collections,
                document_count.scalar_subquery().label("documents"),
                chunk_count.scalar_subquery().label("chunks"),
            )
            .where(collections.c.tenant_id == self.tenant_id, condition)
            .order_by(collections.c.name)
            .limit(limit)
        )
        return [_to_collection(row) for row in rows]

    def _mine(self, collection_id: CollectionId) -> Any:
        return (collections.c.tenant_id == self.tenant_id) & (collections.c.id == collection_id)


def _to_collection(row: Row[Any]) -> Collection:
    return Collection(
        id=CollectionId(row.id),
        tenant_id=TenantId(row.tenant_id),
        name=row.name,
        description=row.description,
        active_space_id=SpaceId(row.active_space_id),
        head=row.head,
        documents=row.documents,
        chunks=int(row.chunks),
        created_at=row.created_at,
        visibility=Visibility(row.visibility),
    )
