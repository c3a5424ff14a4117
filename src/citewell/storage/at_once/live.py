"""Chunks that may be shown at this moment: what every search is joined to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId
from citewell.storage.at_once.once import Row
from citewell.storage.repositories.chunks import LIVE_FROM
from citewell.storage.repositories.sealing.chunk_words import Words, opened
from citewell.storage.sealing.seal import Seal


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """A chunk of a searchable document, as a search shows it."""

    key: int
    id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    collection_id: CollectionId
    title: str
    filename: str
    text: str
    start: int
    end: int
    page: int | None
    page_label: str
    headings: tuple[str, ...]
    kind: TextKind
    language: str
    ordinal: int
    context: str
    metadata: dict[str, Any]


LIVE = text(
    "SELECT c.key, c.id, c.document_id, c.version_id, d.collection_id, d.title, d.filename,"
    ' c.text, c.start, c."end", c.page, c.page_label, c.headings, c.kind, v.language,'
    " c.ordinal, c.context, NULLIF(d.metadata, '{}')" + LIVE_FROM + " JOIN document_versions v"
    " ON v.id = c.version_id WHERE c.key = ANY(CAST(:keys AS bigint[]))"
    " AND d.collection_id = ANY(:collections)"
)
_KINDS = {kind.value: kind for kind in TextKind}


def live_values(keys: Sequence[int], collections: Sequence[CollectionId]) -> dict[str, Any]:
    """The values of `LIVE` beside the tenant."""
    # Written out: the driver would choose the type by the largest key, and plan for each anew.
    return {"keys": f"{{{','.join(map(str, keys))}}}", "collections": list(collections)}


def live_chunks(rows: Iterable[Row], seal: Seal) -> dict[int, LiveChunk]:
    """What `LIVE` found, by key."""
    return {row[0]: _to_live(row, seal) for row in rows}


def _to_live(row: Row, seal: Seal) -> LiveChunk:
    # By place: by name, reading a page of results takes longer than finding them.
    key, chunk, document, version, collection, title, filename, body, *rest = row
    start, end, page, page_label, headings, kind, language, ordinal, context, metadata = rest
    words = opened(seal, chunk, Words(body, context, headings))
    return LiveChunk(
        key,
        chunk,
        document,
        version,
        collection,
        title,
        filename,
        words.text,
        start,
        end,
        page,
        page_label,
        tuple(words.headings),
        _KINDS[kind],
        language,
        ordinal,
        words.context,
        metadata or {},
    )
