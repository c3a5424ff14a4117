"""Documents: taken in, looked at, taken out. The only way in, for every door."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from citewell.documents.collections import DEFAULT_COLLECTION, Collections
from citewell.documents.naming import clean_filename, clean_text, clean_title
from citewell.documents.originals import original
from citewell.documents.parsers.direct import SHORT_BYTES
from citewell.documents.parsers.media import is_named_plain
from citewell.documents.removal import take_out
from citewell.documents.revisions import check_unchanged
from citewell.documents.room import Room
from citewell.domain.documents import (
    Collection,
    Document,
    DocumentStatus,
    OnDuplicate,
    ParsedText,
    Receipt,
)
from citewell.domain.errors import AppError, ConflictError, InvalidError, UnavailableError
from citewell.domain.ids import CollectionId, DocumentId, VersionId
from citewell.domain.jobs import Job, JobKind
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.embedding import EmbeddingModel
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.repositories.documents import DocumentQuery
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.transaction import Transaction


@dataclass(slots=True)
class Upload:
    """A file on its way in; `filename` may be a relative path, `title` empty.

    What describes it may be filled in until `pieces` has ended: a form's fields may follow it.
    `asked` is what the request said, where that is not the file itself.
    """

    filename: str
    pieces: AsyncIterator[bytes]
    title: str = ""
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    on_duplicate: OnDuplicate = OnDuplicate.SKIP
    asked: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an upload; `duplicate` when its content was there already (no job then)."""

    document: Document
    job: Job | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class CanonicalText:
    """A version's text; `current` is false for a version that is no longer searched."""

    document: Document
    version_id: VersionId
    parsed: ParsedText
    current: bool


@dataclass(frozen=True, slots=True)
class Documents:
    """Every method raises `DeniedError`, and `NotFoundError` for ids outside the tenant."""

    database: Database
    blobs: BlobStore
    model: EmbeddingModel
    upload_bytes: int
    room: Room

    async def accept(
        self,
        principal: Principal,
        collection_id: CollectionId,
        upload: Upload,
        *,
        once: RequestKey | None = None,
    ) -> Accepted:
        """Keep a file and queue its reading; durable on return. `once` makes a repetition harmless.

        Raises `TooLargeError`, `QuotaExceededError`, `UnavailableError` when the disk is full, and
        `ConflictError` for known content under `OnDuplicate.FAIL`.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        pieces = await self.room.admit(principal, upload.pieces)
        sealing = partial(self.database.seal, principal)
        blob = await self.blobs.put(pieces, limit=self.upload_bytes, sealing=sealing)
        room = self.room.remembering(principal.tenant_id)
        try:
            async with room, self.database.transaction(principal) as tx:
                body = _body(collection_id, upload, blob)
                key = None if once is None else once.of(principal, *body)
                keep = partial(self._keep, tx, principal, collection_id, upload, blob)
                accepted, repeated = await do_once(tx, key, Accepted, keep)
        except UnavailableError:
            # The commit may have happened and its answer been lost: a row must not point to
            # nothing. Without a row, the file is swept later.
            raise
        except AppError:
            await self.blobs.delete([blob.key])
            raise
        if accepted.duplicate or repeated:
            await self.blobs.delete([blob.key])
        return accepted

    async def accept_text(
        self,
        principal: Principal,
        collection_id: CollectionId,
        *,
        title: str,
        text: str,
        once: RequestKey | None = None,
    ) -> Accepted:
        """As `accept`, for a text that was typed or sent in a request."""
        name = f"{clean_title(title).replace('/', ' ') or 'note'}.txt"
        content = clean_text(text).encode()
        upload = Upload(name, _one(content), title=title)
        return await self.accept(principal, collection_id, upload, once=once)

    async def get(self, principal: Principal, document_id: DocumentId) -> Document:
        """One document."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            return await tx.documents.get(document_id)

    async def page(self, principal: Principal, query: DocumentQuery) -> Sequence[Document]:
        """Documents, newest first."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            if query.collection_id is not None:
                await tx.collections.head(query.collection_id)
            return await tx.documents.page(query)

    async def text(
        self, principal: Principal, document_id: DocumentId, version_id: VersionId | None = None
    ) -> CanonicalText:
        """The canonical text of a version, by default the one that is searched."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            document = await tx.documents.get(document_id)
            current = await tx.versions.current(document_id)
            wanted = version_id or current
            version = await tx.versions.get(wanted)
            parsed = await tx.versions.parsed(wanted)
        if version.document_id != document_id:
            raise InvalidError(f"Version {wanted} belongs to another document.")
        return CanonicalText(document, wanted, parsed, wanted == current)

    async def original(
        self, principal: Principal, document_id: DocumentId
    ) -> tuple[Document, Path | Iterator[bytes]]:
        """The bytes as they were given: a file, or pieces to be read in a thread."""
        return await original(self.database, self.blobs, principal, document_id)

    async def describe(
        self,
        principal: Principal,
        document_id: DocumentId,
        changes: Mapping[str, Any],
        *,
        seen: AbstractSet[str] | None = None,
    ) -> Document:
        """Change title, tags or metadata; they are searched after the next reprocessing.

        Raises `ChangedError` when the document is in none of the revisions `seen`.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        values = dict(changes)
        if "title" in values:
            values["title"] = clean_title(values["title"])
        async with self.database.transaction(principal) as tx:
            check_unchanged(await tx.documents.lock(document_id), seen)
            await tx.documents.update(document_id, values)
            return await tx.documents.get(document_id)

    async def reprocess(
        self, principal: Principal, document_id: DocumentId, *, once: RequestKey | None = None
    ) -> Accepted:
        """Read the original again as a new version; the present one serves until then.

        `once` makes a repetition harmless.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        async with self.database.transaction(principal) as tx:
            key = None if once is None else once.of(principal, str(document_id))
            again, _ = await do_once(tx, key, Accepted, lambda: self._read_again(tx, document_id))
            return again

    async def delete(self, principal: Principal, document_id: DocumentId) -> Receipt:
        """Out of every search when this returns; rows and bytes follow by a job."""
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        async with self.database.transaction(principal) as tx:
            return await take_out(tx, principal, document_id)

    async def collection(self, principal: Principal, name_or_id: str) -> Collection:
        """By id or by name; the default collection is made when it is first asked for."""
        return await Collections(self.database, self.model).find(principal, name_or_id)

    async def inside(self, principal: Principal, names: Sequence[str]) -> list[CollectionId]:
        """The collections of these names or ids, each once; without any, the default one."""
        wanted = names or [DEFAULT_COLLECTION]
        return await Collections(self.database, self.model).inside(principal, wanted)

    async def collections(
        self, principal: Principal, *, after: str = "", limit: int = 200
    ) -> Sequence[Collection]:
        """In order of name."""
        await self.collection(principal, DEFAULT_COLLECTION)
        async with self.database.transaction(principal) as tx:
            return await tx.collections.page(after=after, limit=limit)

    async def _keep(
        self,
        tx: Transaction,
        principal: Principal,
        collection_id: CollectionId,
        upload: Upload,
        blob: StoredBlob,
    ) -> Accepted:
        filename = clean_filename(upload.filename)
        await tx.collections.lock_content(collection_id, blob.sha256)
        same = await tx.documents.by_content(collection_id, blob.sha256)
        if same is not None:
            if upload.on_duplicate is OnDuplicate.FAIL:
                raise ConflictError(
                    f"{filename!r} is in the collection already, as {same.filename!r}.",
                    hint="Use skip, replace or version to go on.",
                )
            return Accepted(same, None, duplicate=True)
        known = None
        if upload.on_duplicate in {OnDuplicate.REPLACE, OnDuplicate.VERSION}:
            known = await tx.documents.by_filename(collection_id, filename)
        keeps = upload.on_duplicate is not OnDuplicate.REPLACE
        if known is None:
            title, tags = clean_title(upload.title), tuple(upload.tags)
            new = NewDocument(collection_id, title, filename, tags, upload.metadata)
            short = blob.size <= SHORT_BYTES and is_named_plain(filename)
            document, job = await tx.documents.arrive(new, blob, keeps_older=keeps, short=short)
            accepted = Accepted(document, job, duplicate=False)
        else:
            accepted = await self._queue(tx, known.id, blob, keeps_older=keeps)
        await tx.audit.record(
            principal.user_id,
            "document.add",
            str(accepted.document.id),
            details={"sha256": blob.sha256},
        )
        return accepted

    async def _read_again(self, tx: Transaction, document_id: DocumentId) -> Accepted:
        await tx.documents.lock(document_id)
        return await self._queue(tx, document_id, await tx.versions.blob(document_id))

    async def _queue(
        self,
        tx: Transaction,
        document_id: DocumentId,
        blob: StoredBlob,
        *,
        keeps_older: bool = True,
    ) -> Accepted:
        version_id = await tx.versions.add(document_id, blob, keeps_older=keeps_older)
        await tx.documents.set_status(document_id, DocumentStatus.RECEIVED)
        job_id = await tx.jobs.enqueue(JobKind.INGEST, version_id)
        document = await tx.documents.get(document_id)
        return Accepted(document, await tx.jobs.get(job_id), duplicate=False)


def _body(collection_id: CollectionId, upload: Upload, blob: StoredBlob) -> tuple[str, ...]:
    sent = (upload.filename, str(upload.tags), str(upload.metadata), blob.sha256)
    return (str(collection_id), upload.title, upload.on_duplicate, *(upload.asked or sent))


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
