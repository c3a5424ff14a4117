"""Collections and their change log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from citewell.domain.documents import Collection
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, SpaceId, VersionId, new_id
from citewell.storage.repositories.collection_reads import CollectionReads
from citewell.storage.tables.documents import changes, collections

CHANGES_TOPIC = "citewell_changes"

_PUBLISH = text(
    "WITH taken AS (UPDATE collections SET head = head + :count"
    "  WHERE tenant_id = :tenant AND id = :collection RETURNING head),"
    " written AS (INSERT INTO changes"
    "  (tenant_id, collection_id, number, kind, document_id, version_id)"
    "  SELECT :tenant, :collection, taken.head - :count + one.place, :kind, one.document_id,"
    "  one.version_id FROM taken, unnest(CAST(:documents AS uuid[]), CAST(:versions AS uuid[]))"
    "  WITH ORDINALITY AS one (document_id, version_id, place))"
    " SELECT head, pg_notify(:topic, :said || head) FROM taken"
)


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
    at: datetime

    @property
    def mark(self) -> str:
        """What no change of the same number has in a history that went another way."""
        return f"{self.kind} {self.version_id} {self.at.astimezone(UTC).isoformat()}"


class CollectionRepository(CollectionReads):
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
            .returning(collections.c.id)
        )
        if done.one_or_none() is None:
            raise ConflictError(
                f"A collection named {name!r} exists already.", hint="Choose another name."
            )
        return await self.get(collection_id)

    async def ensure(self, name: str, space_id: SpaceId) -> Collection:
        """The collection of this name, made when it is new."""
        await self.connection.execute(
            upsert(collections)
            .values(id=new_id(), tenant_id=self.tenant_id, name=name, active_space_id=space_id)
            .on_conflict_do_nothing()
        )
        return await self.by_name(name)

    async def lock(self, collection_id: CollectionId) -> Collection:
        """As `get`; nobody else changes the collection before this transaction ends."""
        # Its key stays: who adds a document, which refers to the key, need not wait.
        mine = select(collections.c.id).where(self._mine(collection_id))
        await self.connection.execute(mine.with_for_update(key_share=True))
        return await self.get(collection_id)

    async def lock_content(self, collection_id: CollectionId, sha256: str) -> None:
        """Two uploads of the same content into a collection go one after the other."""
        await self.connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:content, 11))"),
            {"content": f"{collection_id}/{sha256}"},
        )

    async def update(
        self, collection_id: CollectionId, *, name: str | None, description: str | None
    ) -> Collection:
        """Change what is given; raises `NotFoundError` and `ConflictError`."""
        given = {"name": name, "description": description}
        values = {key: value for key, value in given.items() if value is not None}
        if values:
            renamed = update(collections).where(self._mine(collection_id)).values(**values)
            try:
                await self.connection.execute(renamed)
            except IntegrityError as error:
                raise ConflictError(f"A collection named {name!r} exists already.") from error
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
        """Append a change and return its number."""
        return await self.publish_all(collection_id, kind, [(document_id, version_id)])

    async def publish_all(
        self,
        collection_id: CollectionId,
        kind: ChangeKind,
        subjects: Sequence[tuple[DocumentId, VersionId]],
    ) -> int:
        """Append a change of each and return the last number; who listens hears of that one.

        The numbers are taken under the collection's row lock in the publishing transaction: a
        sequence's numbers may commit out of order, and a reader that has passed a gap would never
        see what commits into it later. Raises `NotFoundError`.
        """
        published = await self.connection.execute(
            _PUBLISH,
            {
                "tenant": self.tenant_id,
                "collection": collection_id,
                "kind": kind.value,
                "documents": [document_id for document_id, _ in subjects],
                "versions": [version_id for _, version_id in subjects],
                "count": len(subjects),
                "topic": CHANGES_TOPIC,
                "said": f"{self.tenant_id}:{collection_id}:",
            },
        )
        number = published.scalar_one_or_none()
        if number is None:
            raise NotFoundError(f"No collection {collection_id}.")
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
                row.at,
            )
            for row in rows
        ]

    async def _notify(self, payload: str) -> None:
        await self.connection.execute(select(func.pg_notify(CHANGES_TOPIC, payload)))
