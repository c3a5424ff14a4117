"""Chunks as ingestion writes them, with their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.documents import Chunk
from citewell.domain.ids import DocumentId, SpaceId, VersionId
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.repositories.sealing import chunk_words
from citewell.storage.tables.documents import chunks, embeddings

_CHUNKS = insert(chunks).on_conflict_do_nothing()
_EMBEDDINGS = insert(embeddings).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk, its text and its vectors: (1 + windows, dimension), the whole first."""

    chunk: Chunk
    text: str
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """New chunks of one version, for one space."""

    document_id: DocumentId
    version_id: VersionId
    space_id: SpaceId
    chunks: Sequence[NewChunk]


class NewChunks(SealedScope):
    """What ingestion adds to the chunks of one tenant."""

    async def put(
        self,
        document_id: DocumentId,
        version_id: VersionId,
        space_id: SpaceId,
        batch: Sequence[NewChunk],
    ) -> None:
        """Write chunks with their vectors; writing the same ones again changes nothing."""
        await self.put_all([Batch(document_id, version_id, space_id, batch)])

    async def put_all(self, batches: Sequence[Batch]) -> None:
        """As `put`, for many documents at once."""
        rows = [self._row(batch, new) for batch in batches for new in batch.chunks]
        if not rows:
            return
        vectors = [self._vectors(batch, new) for batch in batches for new in batch.chunks]
        await self.connection.execute(_CHUNKS, rows)
        await self.connection.execute(_EMBEDDINGS, vectors)

    def _vectors(self, batch: Batch, new: NewChunk) -> dict[str, Any]:
        return {
            "tenant_id": self.tenant_id,
            "chunk_id": new.chunk.id,
            "space_id": batch.space_id,
            "vectors": new.vectors.astype("<f2").tobytes(),
        }

    def _row(self, batch: Batch, new: NewChunk) -> dict[str, Any]:
        chunk = new.chunk
        row = {
            "id": chunk.id,
            "tenant_id": self.tenant_id,
            "document_id": batch.document_id,
            "version_id": batch.version_id,
            "ordinal": chunk.ordinal,
            "start": chunk.start,
            "end": chunk.end,
            "page": chunk.page,
            "page_label": chunk.page_label,
            "headings": list(chunk.headings),
            "context": chunk.context,
            "kind": chunk.kind.value,
            "tokens": chunk.tokens,
            "windows": [offset for window in chunk.windows for offset in window],
            "terms": chunk.terms,
            "field_terms": chunk.field_terms,
            "text": new.text,
        }
        return chunk_words.sealed(self.seal, row)
