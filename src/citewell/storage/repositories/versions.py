"""Versions of a document: one per content, with its canonical text."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, delete, func, insert, select, update

from citewell.domain.documents import Heading, PageSpan, ParsedText, TextKind
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, VersionId, new_id
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.documents import CALLER, document_versions, documents

SEALED_TEXT, _HEADINGS = "document_versions.text", "document_versions.headings"


@dataclass(frozen=True, slots=True)
class Version:
    """What ingestion needs to know of a version."""

    id: VersionId
    document_id: DocumentId
    collection_id: CollectionId
    title: str
    filename: str
    blob_key: str
    media_type: str
    pipeline: str
    chunks_total: int
    has_text: bool
    keeps_older: bool


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Bytes that are durable in the blob store."""

    key: str
    sha256: str
    size: int
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class WholeText:
    """The canonical text of a version, and how many chunks and tokens it has."""

    version_id: VersionId
    parsed: ParsedText
    chunks: int
    tokens: int


_STORE_WHOLE = update(document_versions).where(
    document_versions.c.tenant_id == bindparam("tenant"),
    document_versions.c.id == bindparam("version"),
)


class VersionRepository(SealedScope):
    """The versions of one tenant's documents, deleted documents' versions left out."""

    async def add(
        self, document_id: DocumentId, blob: StoredBlob, *, keeps_older: bool = True
    ) -> VersionId:
        """The next version of the document, which becomes its latest.

        Without `keeps_older`, the ones before it are to be removed when it is ready. Raises
        `NotFoundError`.
        """
        version_id = VersionId(new_id())
        owner = await self.connection.execute(
            update(documents)
            .where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.id == document_id,
                documents.c.deleted_at.is_(None),
            )
            .values(latest_version_id=version_id, updated_at=func.now())
        )
        if owner.rowcount == 0:
            raise NotFoundError(f"No document {document_id}.")
        last = select(func.coalesce(func.max(document_versions.c.number), 0) + 1).where(
            document_versions.c.document_id == document_id
        )
        # Reading the same bytes again does not make them somebody else's.
        same = (document_versions.c.document_id == document_id) & (
            document_versions.c.blob_key == blob.key
        )
        brought = select(document_versions.c.added_by).where(same).limit(1).scalar_subquery()
        await self.connection.execute(
            insert(document_versions).values(
                id=version_id,
                added_by=case(
                    (select(document_versions.c.id).where(same).exists(), brought), else_=CALLER
                ),
                tenant_id=self.tenant_id,
                document_id=document_id,
                number=last.scalar_subquery(),
                blob_key=blob.key,
                sha256=blob.sha256,
                size=blob.size,
                media_type=blob.media_type,
                keeps_older=keeps_older,
            )
        )
        return version_id

    async def get(self, version_id: VersionId) -> Version:
        """Raises `NotFoundError`, also when its document is deleted."""
        version = document_versions.c
        found = await self.connection.execute(
            select(
                version.document_id,
                version.blob_key,
                version.media_type,
                version.pipeline,
                version.chunks_total,
                version.keeps_older,
                version.text.is_not(None).label("has_text"),
                documents.c.collection_id,
                documents.c.title,
                documents.c.filename,
            )
            .join(documents, documents.c.id == version.document_id)
            .where(self._mine(version_id), documents.c.deleted_at.is_(None))
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No document version {version_id}.")
        return Version(
            id=version_id,
            document_id=DocumentId(row.document_id),
            collection_id=CollectionId(row.collection_id),
            title=row.title,
            filename=row.filename,
            blob_key=row.blob_key,
            media_type=row.media_type,
            pipeline=row.pipeline,
            chunks_total=row.chunks_total,
            has_text=row.has_text,
            keeps_older=row.keeps_older,
        )

    async def store_text(self, version_id: VersionId, parsed: ParsedText) -> None:
        """Keep the canonical text; every offset in the product points into it."""
        await self._set(version_id, **self._read(version_id, parsed))

    async def store_whole(self, made: Sequence[WholeText], pipeline: str) -> None:
        """Keep many texts at once, all of whose chunks are written in this transaction."""
        rows = [
            {
                "tenant": self.tenant_id,
                "version": one.version_id,
                **self._read(one.version_id, one.parsed),
                "pipeline": pipeline,
                "chunks_total": one.chunks,
                "chunks_done": one.chunks,
                "tokens": one.tokens,
            }
            for one in made
        ]
        await self.connection.execute(_STORE_WHOLE, rows)

    async def set_plan(
        self, version_id: VersionId, pipeline: str, total: int, *, tokens: int
    ) -> None:
        """How many chunks and tokens this pipeline makes of the text."""
        await self._set(version_id, pipeline=pipeline, chunks_total=total, tokens=tokens)

    async def set_progress(self, version_id: VersionId, done: int) -> None:
        """Committed chunks; never goes backwards."""
        greatest = func.greatest(document_versions.c.chunks_done, done)
        await self._set(version_id, chunks_done=greatest)

    async def parsed(self, version_id: VersionId) -> ParsedText:
        """The canonical text with its map; raises `NotFoundError` when it was never read."""
        found = await self.connection.execute(
            select(document_versions).where(
                self._mine(version_id), document_versions.c.text.is_not(None)
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"Document version {version_id} has no text.")
        headings = self.seal.open_json(_HEADINGS, version_id, row.headings)
        return ParsedText(
            text=self.seal.open_text(SEALED_TEXT, version_id, row.text),
            kind=TextKind(row.kind),
            pages=tuple(PageSpan(**page) for page in row.pages),
            headings=tuple(Heading(**heading) for heading in headings),
            title=row.title,
            language=row.language,
            warnings=tuple(row.warnings),
            parser=row.parser,
            code_language=row.code_language,
        )

    async def drop_older(self, document_id: DocumentId, version_id: VersionId) -> list[str]:
        """Remove the document's other versions; returns blob keys that nothing refers to now."""
        removed = await self.connection.execute(
            delete(document_versions)
            .where(
                document_versions.c.tenant_id == self.tenant_id,
                document_versions.c.document_id == document_id,
                document_versions.c.id != version_id,
            )
            .returning(document_versions.c.blob_key)
        )
        keys = set(removed.scalars())
        used = await self.connection.execute(
            select(document_versions.c.blob_key).where(document_versions.c.blob_key.in_(keys))
        )
        return sorted(keys - set(used.scalars()))

    async def current(self, document_id: DocumentId) -> VersionId:
        """The version that is searched, or the latest one; raises `NotFoundError`."""
        found = await self.connection.execute(
            select(
                func.coalesce(documents.c.active_version_id, documents.c.latest_version_id)
            ).where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.id == document_id,
                documents.c.deleted_at.is_(None),
            )
        )
        version_id = found.scalar_one_or_none()
        if version_id is None:
            raise NotFoundError(f"No document {document_id}.")
        return VersionId(version_id)

    async def blob(self, document_id: DocumentId) -> StoredBlob:
        """The bytes of the latest version; raises `NotFoundError`."""
        version = document_versions.c
        found = await self.connection.execute(
            select(version.blob_key, version.sha256, version.size, version.media_type)
            .join(documents, documents.c.latest_version_id == version.id)
            .where(
                documents.c.tenant_id == self.tenant_id,
                documents.c.id == document_id,
                documents.c.deleted_at.is_(None),
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No document {document_id}.")
        return StoredBlob(row.blob_key, row.sha256, row.size, row.media_type)

    async def _set(self, version_id: VersionId, **values: Any) -> None:
        await self.connection.execute(
            update(document_versions).where(self._mine(version_id)).values(**values)
        )

    def _mine(self, version_id: VersionId) -> ColumnElement[bool]:
        return (document_versions.c.tenant_id == self.tenant_id) & (
            document_versions.c.id == version_id
        )

    def _read(self, version_id: VersionId, parsed: ParsedText) -> dict[str, Any]:
        headings = [asdict(heading) for heading in parsed.headings]
        return {
            "text": self.seal.text(SEALED_TEXT, version_id, parsed.text),
            "kind": parsed.kind.value,
            "title": parsed.title,
            "language": parsed.language,
            "media_type": str(parsed.metadata.get("media_type", "")),
            "pages": [asdict(page) for page in parsed.pages],
            "page_count": len(parsed.pages),
            "headings": self.seal.json(_HEADINGS, version_id, headings),
            "warnings": list(parsed.warnings),
            "code_language": parsed.code_language,
            "parser": parsed.parser,
        }
