"""Documents: identity, description, status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from citewell.domain.documents import Document, DocumentStatus
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, TenantId, VersionId, new_id
from citewell.storage.repositories.taking_in.arrivals import DocumentArrivals, NewDocument
from citewell.storage.tables.documents import collections, document_versions, documents


@dataclass(frozen=True, slots=True)
class DocumentQuery:
    """Which documents to list; None means any. `text` is part of a title or file name."""

    collection_id: CollectionId | None = None
    status: DocumentStatus | None = None
    text: str = ""
    before: DocumentId | None = None
    limit: int = 50


class DocumentRepository(DocumentArrivals):
    """The documents of one tenant; a deleted one does not exist here."""

    async def add(self, new: NewDocument) -> DocumentId:
        """A document without a version, in status `received`.

        Raises `NotFoundError` when the tenant has no such collection.
        """
        known = await self.connection.execute(
            select(collections.c.id).where(
                collections.c.tenant_id == self.tenant_id, collections.c.id == new.collection_id
            )
        )
        # The foreign key alone would accept another tenant's: no policy binds it.
        if known.one_or_none() is None:
            raise NotFoundError(f"No collection {new.collection_id}.")
        document_id = DocumentId(new_id())
        await self.connection.execute(
            insert(documents).values(
                id=document_id,
                tenant_id=self.tenant_id,
                collection_id=new.collection_id,
                title=new.title,
                filename=new.filename,
                tags=list(new.tags),
                metadata=dict(new.metadata or {}),
                status=DocumentStatus.RECEIVED.value,
            )
        )
        return document_id

    async def get(self, document_id: DocumentId) -> Document:
        """Raises `NotFoundError`."""
        found = await self._select(documents.c.id == document_id, limit=1)
        if not found:
            raise NotFoundError(f"No document {document_id}.")
        return found[0]

    async def lock(self, document_id: DocumentId) -> Document:
        """As `get`; nobody else changes the document before this transaction ends."""
        await self.connection.execute(
            select(documents.c.id).where(self._mine(document_id)).with_for_update()
        )
        return await self.get(document_id)

    async def page(self, query: DocumentQuery) -> Sequence[Document]:
        """Newest first."""
        conditions: list[ColumnElement[bool]] = []
        if query.collection_id is not None:
            conditions.append(documents.c.collection_id == query.collection_id)
        if query.status is not None:
            conditions.append(documents.c.status == query.status.value)
        if query.before is not None:
            conditions.append(documents.c.id < query.before)
        if query.text:
            part = query.text
            conditions.append(
                documents.c.title.icontains(part, autoescape=True)
                | documents.c.filename.icontains(part, autoescape=True)
            )
        return await self._select(*conditions, limit=query.limit)

    async def by_content(self, collection_id: CollectionId, sha256: str) -> Document | None:
        """The oldest live document of the collection whose latest version has this content."""
        return await self._first(collection_id, document_versions.c.sha256 == sha256)

    async def by_filename(self, collection_id: CollectionId, filename: str) -> Document | None:
        """The oldest live document of the collection with this file name."""
        return await self._first(collection_id, documents.c.filename == filename)

    async def set_status(
        self,
        document_id: DocumentId,
        status: DocumentStatus,
        *,
        failure: tuple[str, str] | None = None,
    ) -> None:
        """`failure` is (code, reason); absent clears an earlier one."""
        code, reason = failure or (None, None)
        await self.connection.execute(
            update(documents)
            .where(self._mine(document_id))
            .values(
                status=status.value,
                failure_code=code,
                failure_reason=reason,
                updated_at=func.now(),
            )
        )

    async def update(self, document_id: DocumentId, values: Mapping[str, Any]) -> None:
        """Set columns of the row: title, tags, metadata, latest_version_id, active_version_id."""
        await self.connection.execute(
            update(documents).where(self._mine(document_id)).values(**values, updated_at=func.now())
        )

    async def shown(self, document_id: DocumentId) -> VersionId | None:
        """The version that is searched, None before the first is ready."""
        found = await self.connection.execute(
            select(documents.c.active_version_id).where(self._mine(document_id))
        )
        shown = found.scalar_one_or_none()
        return None if shown is None else VersionId(shown)

    async def tombstone(self, document_id: DocumentId) -> VersionId | None:
        """Take it out of every search with this transaction; returns the version it showed.

        Raises `NotFoundError` when it is not there or deleted already.
        """
        shown = await self.connection.execute(
            select(documents.c.active_version_id).where(self._mine(document_id)).with_for_update()
        )
        row = shown.one_or_none()
        if row is None:
            raise NotFoundError(f"No document {document_id}.")
        await self.connection.execute(
            update(documents)
            .where(self._mine(document_id))
            .values(
                deleted_at=func.now(),
                updated_at=func.now(),
                status=DocumentStatus.DELETED.value,
                active_version_id=None,
            )
        )
        return None if row.active_version_id is None else VersionId(row.active_version_id)

    async def purge(self, document_id: DocumentId) -> list[str]:
        """Remove a tombstoned document's rows; returns blob keys that nothing else refers to."""
        keys = await self.connection.execute(
            select(document_versions.c.blob_key).where(
                document_versions.c.tenant_id == self.tenant_id,
                document_versions.c.document_id == document_id,
            )
        )
        mine = {row.blob_key for row in keys}
        await self.connection.execute(
            delete(documents).where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.id == document_id,
                documents.c.deleted_at.is_not(None),
            )
        )
        used = await self.connection.execute(
            select(document_versions.c.blob_key).where(
                document_versions.c.tenant_id == self.tenant_id,
                document_versions.c.blob_key.in_(mine),
            )
        )
        return sorted(mine - {row.blob_key for row in used})

    async def titles(self, collection_ids: Sequence[CollectionId]) -> dict[DocumentId, str]:
        """Titles of the searchable documents."""
        rows = await self.connection.execute(
            select(documents.c.id, documents.c.title).where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.collection_id.in_(collection_ids),
                documents.c.active_version_id.is_not(None),
                documents.c.deleted_at.is_(None),
            )
        )
        return {DocumentId(row.id): row.title for row in rows}

    async def _first(
        self, collection_id: CollectionId, condition: ColumnElement[bool]
    ) -> Document | None:
        live = documents.c.status != DocumentStatus.FAILED.value
        mine = documents.c.collection_id == collection_id
        found = await self._select(mine, condition, live, limit=1, oldest=True)
        return found[0] if found else None

    async def _select(
        self, *conditions: ColumnElement[bool], limit: int, oldest: bool = False
    ) -> list[Document]:
        version = document_versions.c
        rows = await self.connection.execute(
            select(
                documents,
                version.id.label("version_id"),
                version.number,
                version.media_type,
                version.size,
                version.sha256,
                version.language,
                version.chunks_done,
                version.chunks_total,
                version.warnings,
                func.jsonb_array_length(version.pages).label("pages"),
            )
            .join(document_versions, version.id == documents.c.latest_version_id)
            .where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.deleted_at.is_(None),
                *conditions,
            )
            .order_by(documents.c.id if oldest else documents.c.id.desc())
            .limit(limit)
        )
        return [_to_document(row) for row in rows]

    def _mine(self, document_id: DocumentId) -> ColumnElement[bool]:
        return (
            (documents.c.tenant_id == self.tenant_id)
            & (documents.c.id == document_id)
            & documents.c.deleted_at.is_(None)
        )


def _to_document(row: Row[Any]) -> Document:
    return Document(
        id=DocumentId(row.id),
        tenant_id=TenantId(row.tenant_id),
        collection_id=CollectionId(row.collection_id),
        title=row.title,
        filename=row.filename,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256,
        status=DocumentStatus(row.status),
        language=row.language,
        tags=tuple(row.tags),
        metadata=row.metadata,
        version_id=VersionId(row.version_id),
        version_number=row.number,
        chunks_done=row.chunks_done,
        chunks_total=row.chunks_total,
        pages=row.pages,
        failure_code=row.failure_code,
        failure_reason=row.failure_reason,
        warnings=tuple(row.warnings),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
