"""Documents and what they become: versions of canonical text, pages, chunks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from citewell.domain.accounts import Visibility
from citewell.domain.ids import (
    ChunkId,
    CollectionId,
    DocumentId,
    SpaceId,
    TenantId,
    VersionId,
)


class DocumentStatus(StrEnum):
    """Where a document is on its way; `ready` is the only one that is searched."""

    RECEIVED = "received"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


class FailureCode(StrEnum):
    """Why a file could not become text, or may not."""

    EMPTY = "empty"
    NO_TEXT = "no_text"
    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    BOMB = "bomb"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    POISON = "poison"
    INTERNAL = "internal"
    QUOTA_EXCEEDED = "quota_exceeded"


class OnDuplicate(StrEnum):
    """What to do with a file whose name (replace, version) or content (skip, fail) is known."""

    SKIP = "skip"
    REPLACE = "replace"
    VERSION = "version"
    FAIL = "fail"


class TextKind(StrEnum):
    """How text is split and analysed."""

    PROSE = "prose"
    MARKDOWN = "markdown"
    CODE = "code"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents of a tenant. `head` is its last change number."""

    id: CollectionId
    tenant_id: TenantId
    name: str
    description: str
    active_space_id: SpaceId
    head: int
    documents: int
    chunks: int
    created_at: datetime
    visibility: Visibility = Visibility.TENANT


@dataclass(frozen=True, slots=True)
class Document:
    """What a caller uploaded, and how far it has come."""

    id: DocumentId
    tenant_id: TenantId
    collection_id: CollectionId
    title: str
    filename: str
    media_type: str
    size: int
    sha256: str
    status: DocumentStatus
    language: str
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    version_id: VersionId | None
    version_number: int
    chunks_done: int
    chunks_total: int
    pages: int
    failure_code: str | None
    failure_reason: str | None
    warnings: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Characters `start`..`end` of the canonical text are page `number`, counted from 1.

    `label` names slides, sheets and the like, else it is empty.
    """

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at `start` of the canonical text; `level` from 1."""

    start: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The canonical text of a file. Every offset in the product points into `text`."""

    text: str
    kind: TextKind
    pages: tuple[PageSpan, ...] = ()
    headings: tuple[Heading, ...] = ()
    title: str = ""
    language: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    parser: str = ""
    code_language: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of the canonical text, the unit of search.

    `context` (title, heading path, enclosing symbols) is indexed but never quoted. `windows` are
    spans inside the chunk, relative to its start, each with a vector of its own. `terms` and
    `field_terms` are the analysed words, separated by one space.
    """

    id: ChunkId
    ordinal: int
    start: int
    end: int
    page: int | None
    page_label: str
    headings: tuple[str, ...]
    context: str
    kind: TextKind
    tokens: int
    windows: tuple[tuple[int, int], ...]
    terms: str
    field_terms: str


@dataclass(frozen=True, slots=True)
class Space:
    """An embedding space: vectors of two spaces are never compared."""

    id: SpaceId
    model: str
    revision: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion removed, counted per store."""

    document_id: DocumentId
    removed: Mapping[str, int]
    searchable: bool
    deleted_at: datetime
