"""The chunks of a document, as ingestion cut them."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.ids import ChunkId, DocumentId, VersionId
from citewell.domain.principal import Principal, Scope
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class ShownChunk:
    """A chunk with its text: the canonical text of the version at `start`..`end`."""

    id: ChunkId
    version_id: VersionId
    ordinal: int
    start: int
    end: int
    page: int | None
    page_label: str
    headings: tuple[str, ...]
    tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class Chunks:
    """Raises `DeniedError`, and `NotFoundError` for ids outside the tenant."""

    database: Database

    async def page(
        self, principal: Principal, document_id: DocumentId, *, after: int = -1, limit: int = 50
    ) -> Sequence[ShownChunk]:
        """Chunks of the version that is searched, in order, those with an ordinal above `after`."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            version_id = await tx.versions.current(document_id)
            rows = await tx.chunks.of_document(version_id, after=after, limit=limit)
        return [
            ShownChunk(
                id=ChunkId(row.id),
                version_id=version_id,
                ordinal=row.ordinal,
                start=row.start,
                end=row.end,
                page=row.page,
                page_label=row.page_label,
                headings=tuple(row.headings),
                tokens=row.tokens,
                text=row.text,
            )
            for row in rows
        ]
