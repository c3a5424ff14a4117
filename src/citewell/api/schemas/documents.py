"""Collections, documents, their text and chunks, as clients see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from citewell.api.schemas.fields import (
    Body,
    Change,
    CollectionName,
    Description,
    JsonObject,
    Shown,
    Tags,
    Text,
    Title,
    Url,
)
from citewell.api.schemas.jobs import JobShown
from citewell.documents.service import Accepted, CanonicalText
from citewell.domain.accounts import Visibility
from citewell.domain.documents import Document, DocumentStatus, OnDuplicate, Receipt, TextKind


class NewCollection(Body):
    """A collection to make."""

    name: CollectionName
    description: Description = ""


class CollectionChange(Change):
    """What to change; what is left out stays."""

    name: CollectionName = ""
    description: Description = ""
    visibility: Visibility = Field(
        default=Visibility.TENANT, description="Only an administrator changes it."
    )


class CollectionShown(Shown):
    """A collection; `head` is the number of its last change."""

    id: UUID
    name: str
    description: str
    visibility: Visibility
    documents: int
    chunks: int
    head: int
    created_at: datetime


class CollectionPage(Shown):
    """Collections in order of name."""

    items: list[CollectionShown]
    next_cursor: str | None


class CollectionReceipt(Shown):
    """What a removal took away, counted per store."""

    id: UUID
    removed: Mapping[str, int]
    searchable: bool


class Failure(Shown):
    """Why a document or job failed."""

    code: str
    reason: str


class DocumentShown(Shown):
    """A document and how far it has come; `chunks_done` counts committed chunks."""

    id: UUID
    collection_id: UUID
    title: str
    filename: str
    media_type: str
    size: int
    sha256: str
    status: DocumentStatus
    language: str
    tags: list[str]
    metadata: Mapping[str, Any]
    version_id: UUID | None
    version_number: int
    chunks_done: int
    chunks_total: int
    pages: int
    failure: Failure | None
    warnings: list[str]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: Document) -> "DocumentShown":
        """The document; without a title, its file name is one."""
        plain = {
            name: getattr(document, name)
            for name in cls.model_fields
            if name not in {"title", "failure"}
        }
        failure = None
        if document.failure_code is not None:
            failure = Failure(code=document.failure_code, reason=document.failure_reason or "")
        return cls(title=document.title or document.filename, failure=failure, **plain)


class DocumentPage(Shown):
    """Documents, newest first."""

    items: list[DocumentShown]
    next_cursor: str | None


class DocumentChange(Change):
    """What to change; what is left out stays."""

    title: Title = ""
    tags: Tags = Field(default=[])
    metadata: JsonObject = Field(default={})


class NewText(Body):
    """A text to take in as a document."""

    text: Text = Field(min_length=1)
    title: Title = ""


class NewAddress(Body):
    """A page of the web to take in as a document; off unless the operator has turned it on."""

    url: Url
    title: Title = ""
    on_duplicate: OnDuplicate = OnDuplicate.SKIP


class UploadFields(Body):
    """What may accompany a file; `tags` are separated by commas in a form."""

    title: Title = ""
    tags: Tags = Field(default=[])
    metadata: JsonObject = Field(default={})
    on_duplicate: OnDuplicate = OnDuplicate.SKIP


class AcceptedShown(Shown):
    """What became of a file; a `duplicate` was there already and needs no job."""

    document: DocumentShown
    job: JobShown | None
    duplicate: bool

    @classmethod
    def of(cls, accepted: Accepted) -> "AcceptedShown":
        """As the service says."""
        job = None if accepted.job is None else JobShown.of(accepted.job)
        document = DocumentShown.of(accepted.document)
        return cls(document=document, job=job, duplicate=accepted.duplicate)


class ReceiptShown(Shown):
    """What a deletion removed, counted per store; it is in no search from now on."""

    document_id: UUID
    removed: Mapping[str, int]
    searchable: bool
    deleted_at: datetime

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptShown":
        """As the service says."""
        return cls.model_validate(receipt)


class PageShown(Shown):
    """Characters `start`..`end` of the text; slides and sheets have a `label`."""

    number: int
    start: int
    end: int
    label: str


class HeadingShown(Shown):
    """A heading at `start` of the text."""

    start: int
    level: int
    text: str


class TextShown(Shown):
    """The canonical text of a version: every offset in the product points into it."""

    document_id: UUID
    version_id: UUID
    current: bool
    title: str
    filename: str
    language: str
    kind: TextKind
    text: str
    pages: list[PageShown]
    headings: list[HeadingShown]
    warnings: list[str]

    @classmethod
    def of(cls, found: CanonicalText) -> "TextShown":
        """The text with its map."""
        document, parsed = found.document, found.parsed
        return cls(
            document_id=document.id,
            version_id=found.version_id,
            current=found.current,
            title=document.title or parsed.title or document.filename,
            filename=document.filename,
            language=parsed.language,
            kind=parsed.kind,
            text=parsed.text,
            pages=[PageShown.model_validate(page) for page in parsed.pages],
            headings=[HeadingShown.model_validate(one) for one in parsed.headings],
            warnings=list(parsed.warnings),
        )


class ChunkShown(Shown):
    """A chunk: the canonical text of the version at `start`..`end`."""

    id: UUID
    version_id: UUID
    ordinal: int
    start: int
    end: int
    page: int | None
    page_label: str
    headings: list[str]
    tokens: int
    text: str


class ChunkPage(Shown):
    """Chunks in the order of the text."""

    items: list[ChunkShown]
    next_cursor: str | None
