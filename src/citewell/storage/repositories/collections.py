"""Collections and their change log."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from citewell.domain.documents import Collection
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, SpaceId, TenantId, VersionId, new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.documents import changes, collections, document_versions, documents

CHANGES_TOPIC = "citewell_changes"


class ChangeKind(StrEnum):
    """What a change does to a projection."""

    PUT = "put"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a collection's change log; numbers are dense and commit in order."""

    number: int
    kind: ChangeKind
    document_id: DocumentId
    version_id: VersionId


class CollectionRepository(Scope):
    """The collections of one tenant."""

    async def create(self, name: str, description: str, space_id: SpaceId) -> Collection:
        """Raises `ConflictError` when the name is taken."""
        collection_id = CollectionId(new_id())
        done = await self.connection.execute(
            upsert(collections)
            .values(
                id=collection_id,
                tenant_id=self.tenant_id,
                name=name,
                description=description,
                active_space_id=space_id,
            )
            .on_conflict_do_nothing()
        )
        if done.rowcount == 0:
            raise ConflictError(
                f"A collection named {name!r} exists already.", hint="Choose another name."
            )
        return await self.get(collection_id)

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
        return (rows or await self._select(collections.c.name == name_or_id) or [None])[0]

    async def ensure(self, name: str, space_id: SpaceId) -> Collection:
        """The collection of this name, made when it is new."""
        await self.connection.execute(
            upsert(collections)
            .values(id=new_id(), tenant_id=self.tenant_id, name=name, active_space_id=space_id)
            .on_conflict_do_nothing()
        )
        return await self.by_name(name)

    async def lock_content(self, collection_id: CollectionId, sha256: str) -> None:
        """Two uploads of the same content into a collection go one after the other."""
        await self.connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:content, 11))"),
            {"content": f"{collection_id}/{sha256}"},
        )

    async def page(self, *, after: str = "", limit: int = 200) -> Sequence[Collection]:
        """In order of name, those after `after`."""
        return await self._select(collections.c.name > after, limit=limit)

    async def update(
        self, collection_id: CollectionId, *, name: str | None, description: str | None
    ) -> Collection:
        """Change what is given; raises `NotFoundError` and `ConflictError`."""
        given = {"name": name, "description": description}
        values = {key: value for key, value in given.items() if value is not None}
        if values:
            if name is not None and await self._is_taken(name, collection_id):
                raise ConflictError(f"A collection named {name!r} exists already.")
            await self.connection.execute(
                update(collections).where(self._mine(collection_id)).values(**values)
            )
        return await self.get(collection_id)

    async def delete(self, collection_id: CollectionId) -> dict[str, int]:
        """Remove it with everything in it; counts per store. Raises `NotFoundError`."""
        counts = await self.connection.execute(
            text(
                "SELECT (SELECT count(*) FROM documents WHERE collection_id = :id) AS documents,"
                " (SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.document_id"
                "  WHERE d.collection_id = :id) AS chunks"
            ),
            {"id": collection_id},
        )
        row = counts.one()
        done = await self.connection.execute(delete(collections).where(self._mine(collection_id)))
        if done.rowcount == 0:
            raise NotFoundError(f"No collection {collection_id}.")
        await self._notify(f"{self.tenant_id}:{collection_id}:-1")
        return {"documents": row.documents, "chunks": row.chunks}

    async def publish(
        self,
        collection_id: CollectionId,
        kind: ChangeKind,
        document_id: DocumentId,
        version_id: VersionId,
    ) -> int:
        """Append a change and return its number.

        The number is taken under the collection's row lock in the publishing transaction: a
        sequence's numbers may commit out of order, and a reader that has passed a gap would never
        see what commits into it later.
        """
        taken = await self.connection.execute(
            update(collections)
            .where(self._mine(collection_id))
            .values(head=collections.c.head + 1)
            .returning(collections.c.head)
        )
        number = taken.scalar_one_or_none()
        if number is None:
            raise NotFoundError(f"No collection {collection_id}.")
        await self.connection.execute(
            insert(changes).values(
                tenant_id=self.tenant_id,
                collection_id=collection_id,
                number=number,
                kind=kind.value,
                document_id=document_id,
                version_id=version_id,
            )
        )
        await self._notify(f"{self.tenant_id}:{collection_id}:{number}")
        return int(number)

    async def changes(
        self, collection_id: CollectionId, *, after: int, limit: int = 1000
    ) -> Sequence[Change]:
        """The changes after number `after`, in order."""
        rows = await self.connection.execute(
            select(changes)
            .where(
                changes.c.tenant_id == self.tenant_id,
                changes.c.collection_id == collection_id,
                changes.c.number > after,
            )
            .order_by(changes.c.number)
            .limit(limit)
        )
        return [
            Change(
                row.number,
                ChangeKind(row.kind),
                DocumentId(row.document_id),
                VersionId(row.version_id),
            )
            for row in rows
        ]

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

    async def _is_taken(self, name: str, mine: CollectionId) -> bool:
        found = await self._select(collections.c.name == name)
        return any(other.id != mine for other in found)

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

    async def _notify(self, payload: str) -> None:
        await self.connection.execute(select(func.pg_notify(CHANGES_TOPIC, payload)))


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
    )
