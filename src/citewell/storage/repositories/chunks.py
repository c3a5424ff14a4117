"""Chunks and their embeddings: what projections read and searches join."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select, text

from citewell.domain.ids import CollectionId, DocumentId, SpaceId, VersionId
from citewell.storage.repositories.filters import compile_filter
from citewell.storage.repositories.sealing import chunk_words
from citewell.storage.repositories.taking_in.new_chunks import NewChunks
from citewell.storage.tables.documents import chunks, embeddings


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What a projection needs of a chunk; `vectors` is (1 + windows, dimension) float16."""

    key: int
    document_id: DocumentId
    version_id: VersionId
    ordinal: int
    terms: str
    field_terms: str
    vectors: NDArray[np.float16]


# Of the searchable: the version that its document shows, and the document not deleted.
LIVE_FROM = (
    " FROM chunks c JOIN documents d ON d.id = c.document_id"
    " AND d.active_version_id = c.version_id AND d.deleted_at IS NULL"
    " AND d.tenant_id = :tenant"
)

_ENTRIES = (
    "SELECT c.key, c.id, c.document_id, c.version_id, c.ordinal, c.terms, c.field_terms, e.vectors"
    + LIVE_FROM
    + " JOIN embeddings e ON e.chunk_id = c.id AND e.space_id = :space"
)
_ENTRIES_OF_COLLECTION = text(
    _ENTRIES + " WHERE d.collection_id = :collection AND c.key > :after ORDER BY c.key LIMIT :limit"
)
_ENTRIES_OF_VERSION = text(
    _ENTRIES + " WHERE c.version_id = :version AND c.key > :after ORDER BY c.key LIMIT :limit"
)
_KEYS = text("SELECT c.key" + LIVE_FROM + " WHERE d.collection_id = :collection ORDER BY c.key")
_CLEAR = text(
    "WITH freed AS (UPDATE document_versions SET tokens = 0"
    "  WHERE tenant_id = :tenant AND id = :version)"
    " DELETE FROM chunks WHERE tenant_id = :tenant AND version_id = :version"
)


class ChunkRepository(NewChunks):
    """The chunks of one tenant."""

    async def done(self, version_id: VersionId, space_id: SpaceId) -> set[int]:
        """Ordinals of the version's chunks that are written with their vectors."""
        found = await self.connection.execute(
            select(chunks.c.ordinal)
            .join(embeddings, embeddings.c.chunk_id == chunks.c.id)
            .where(
                chunks.c.tenant_id == self.tenant_id,
                chunks.c.version_id == version_id,
                embeddings.c.space_id == space_id,
            )
        )
        return set(found.scalars())

    async def clear(self, version_id: VersionId) -> None:
        """Remove the version's chunks and give back their tokens."""
        await self.connection.execute(_CLEAR, {"tenant": self.tenant_id, "version": version_id})

    async def entries(
        self, collection_id: CollectionId, space_id: SpaceId, *, after: int, limit: int
    ) -> list[IndexEntry]:
        """Searchable entries of the collection with a key above `after`, in order of key."""
        return await self._entries(
            _ENTRIES_OF_COLLECTION,
            {"collection": collection_id, "space": space_id, "after": after, "limit": limit},
        )

    async def entries_of(
        self, version_id: VersionId, space_id: SpaceId, *, after: int, limit: int
    ) -> list[IndexEntry]:
        """Searchable entries of one version; none when it is no longer the document's own."""
        return await self._entries(
            _ENTRIES_OF_VERSION,
            {"version": version_id, "space": space_id, "after": after, "limit": limit},
        )

    async def live_keys(self, collection_id: CollectionId) -> NDArray[np.int64]:
        """Keys of every searchable chunk of the collection, ascending."""
        found = await self.connection.execute(
            _KEYS, {"tenant": self.tenant_id, "collection": collection_id}
        )
        return np.fromiter(found.scalars(), dtype=np.int64)

    async def matching(
        self,
        collections: Sequence[CollectionId],
        wanted: Mapping[str, Any],
        *,
        without: Sequence[DocumentId] = (),
    ) -> NDArray[np.int64]:
        """Keys of searchable chunks whose document meets the filter, ascending.

        Those `without` are left out.

        Raises `InvalidError` for a filter that cannot be understood.
        """
        conditions, values = compile_filter(wanted)
        statement = text(
            "SELECT c.key"
            + LIVE_FROM
            + " JOIN document_versions v ON v.id = c.version_id"
            + " WHERE d.collection_id = ANY(:collections)"
            + f" AND NOT d.id = ANY(:without) AND {conditions} ORDER BY c.key"
        )
        named = {"collections": list(collections), "without": list(without)}
        found = await self.connection.execute(
            statement, {"tenant": self.tenant_id, **named, **values}
        )
        return np.fromiter(found.scalars(), dtype=np.int64)

    async def of_document(
        self, version_id: VersionId, *, after: int, limit: int
    ) -> Sequence[chunk_words.StoredChunk]:
        """Chunks of a version in order, those with an ordinal above `after`."""
        found = await self.connection.execute(
            select(chunks)
            .where(
                chunks.c.tenant_id == self.tenant_id,
                chunks.c.version_id == version_id,
                chunks.c.ordinal > after,
            )
            .order_by(chunks.c.ordinal)
            .limit(limit)
        )
        return [chunk_words.shown(self.seal, row) for row in found]

    async def counts(self, document_id: DocumentId) -> dict[str, int]:
        """How many rows a document has per store."""
        found = await self.connection.execute(
            text(
                "SELECT (SELECT count(*) FROM document_versions WHERE document_id = :id) versions,"
                " (SELECT count(*) FROM chunks WHERE document_id = :id) chunks,"
                " (SELECT count(*) FROM embeddings e JOIN chunks c ON c.id = e.chunk_id"
                "  WHERE c.document_id = :id) embeddings,"
                " (SELECT count(DISTINCT blob_key) FROM document_versions"
                "  WHERE document_id = :id) blobs"
            ),
            {"id": document_id},
        )
        return dict(found.mappings().one())

    async def _entries(self, statement: Any, values: dict[str, Any]) -> list[IndexEntry]:
        found = await self.connection.execute(statement, {"tenant": self.tenant_id, **values})
        dimension = await self._dimension(values["space"])
        return [_to_entry(row, dimension, chunk_words.terms(self.seal, row)) for row in found]

    async def _dimension(self, space_id: SpaceId) -> int:
        found = await self.connection.execute(
            text("SELECT dimension FROM spaces WHERE id = :id"), {"id": space_id}
        )
        return int(found.scalar_one())


def _to_entry(row: Row[Any], dimension: int, terms: tuple[str, str]) -> IndexEntry:
    return IndexEntry(
        key=row.key,
        document_id=DocumentId(row.document_id),
        version_id=VersionId(row.version_id),
        ordinal=row.ordinal,
        terms=terms[0],
        field_terms=terms[1],
        vectors=np.frombuffer(row.vectors, dtype="<f2").reshape(-1, dimension),
    )
