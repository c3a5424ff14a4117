"""The words of chunks: sealed on their way in, opened on their way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row

from citewell.storage.sealing.seal import Seal

_TEXT, _CONTEXT, _HEADINGS = "chunks.text", "chunks.context", "chunks.headings"
# In the order of the text: they tell nearly as much.
_TERMS, _FIELD_TERMS = "chunks.terms", "chunks.field_terms"


class Words(NamedTuple):
    """What a chunk says."""

    text: str
    context: str
    headings: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as its document shows it."""

    id: UUID
    key: int
    ordinal: int
    start: int
    end: int
    page: int | None
    page_label: str
    headings: Sequence[str]
    tokens: int
    text: str


def sealed(seal: Seal, row: dict[str, Any]) -> dict[str, Any]:
    """A row to write."""
    chunk = row["id"]
    return {
        **row,
        "text": seal.text(_TEXT, chunk, row["text"]),
        "context": seal.text(_CONTEXT, chunk, row["context"]),
        "terms": seal.text(_TERMS, chunk, row["terms"]),
        "field_terms": seal.text(_FIELD_TERMS, chunk, row["field_terms"]),
        "headings": seal.words(_HEADINGS, chunk, row["headings"]),
    }


def terms(seal: Seal, row: Row[Any]) -> tuple[str, str]:
    """The terms, and those of the fields, of a row that was read."""
    return (
        seal.open_text(_TERMS, row.id, row.terms),
        seal.open_text(_FIELD_TERMS, row.id, row.field_terms),
    )


def opened(seal: Seal, chunk: UUID, read: Words) -> Words:
    """The words of a chunk, as they were read."""
    return Words(
        seal.open_text(_TEXT, chunk, read.text),
        seal.open_text(_CONTEXT, chunk, read.context),
        seal.open_words(_HEADINGS, chunk, read.headings),
    )


def shown(seal: Seal, row: Row[Any]) -> StoredChunk:
    """A whole row that was read."""
    words = opened(seal, row.id, Words(row.text, row.context, row.headings))
    return StoredChunk(
        id=row.id,
        key=row.key,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        page=row.page,
        page_label=row.page_label,
        headings=words.headings,
        tokens=row.tokens,
        text=words.text,
    )
