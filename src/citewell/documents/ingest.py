"""One document version from bytes to searchable, in steps that a killed worker can resume.

Every write is fenced by the job's lease. What is committed is never done again: the text is parsed
once, a batch of chunks is embedded once, and a repeat writes the same rows.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from citewell.documents.chunking import PIPELINE, Described, chunk_text
from citewell.documents.parsers.host import ParserHost
from citewell.domain.documents import Chunk, DocumentStatus, FailureCode, ParsedText, TextKind
from citewell.domain.errors import (
    DocumentError,
    LimitedError,
    NotFoundError,
    QuotaExceededError,
    UpstreamError,
)
from citewell.domain.ids import SpaceId, TenantId, VersionId
from citewell.domain.jobs import Lease
from citewell.index.languages import detect_language
from citewell.inference.embedding import PassageText
from citewell.inference.paying import PASSAGES, AnyEmbedder, paid_by
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.repositories.system import POISON_CRASHES
from citewell.storage.repositories.taking_in.new_chunks import NewChunk
from citewell.storage.repositories.versions import Version
from citewell.storage.transaction import Transaction

BATCH = 64
RETRY_SECONDS = 10.0
MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Runs the job `ingest`. Raises `LeaseLostError` when somebody else has the job now."""

    database: Database
    blobs: BlobStore
    parser: ParserHost
    embedder: AnyEmbedder

    async def run(self, lease: Lease) -> None:
        """Bring the job to an end: done, failed with a reason, or back in the queue."""
        try:
            version = await self._version(lease)
            if version is None:
                return
            parsed = await self._text(lease, version)
            await self._chunks(lease, version, parsed)
            await self._publish(lease, version)
        except NotFoundError:
            # It was deleted while it was read: nothing is left to do.
            async with self.database.transaction(lease.job.tenant_id) as tx:
                await tx.jobs.finish(lease)
        except DocumentError as error:
            await self.fail(lease, error)
        except QuotaExceededError as error:
            # Nothing was written of what did not fit; a retry goes on from there.
            await self.fail(lease, _over_quota(error))
        except (LimitedError, UpstreamError) as error:
            await self.try_later(lease, error)

    async def _version(self, lease: Lease) -> Version | None:
        """The version to read, None when its document is gone: then the job is done."""
        version_id = VersionId(lease.job.subject)
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            try:
                version = await tx.versions.get(version_id)
            except NotFoundError:
                await tx.jobs.finish(lease)
                return None
            await tx.documents.set_status(version.document_id, DocumentStatus.PARSING)
            return version

    async def _text(self, lease: Lease, version: Version) -> ParsedText:
        """The canonical text, parsed and stored when this is the first time."""
        tenant = lease.job.tenant_id
        if version.has_text:
            async with self.database.transaction(tenant) as tx:
                return await tx.versions.parsed(version.id)
        seal = await self.database.seal(tenant)
        content = await asyncio.to_thread(self.blobs.content, version.blob_key, seal)
        read = await self.parser.parse(content, version.filename)
        parsed = await asyncio.to_thread(with_language, read)
        title = own_title(parsed, version.filename)
        async with self.database.transaction(tenant) as tx:
            await tx.jobs.hold(lease)
            await tx.versions.store_text(version.id, parsed)
            # A title that somebody has given, before or while the file was read, stays.
            if not (await tx.documents.lock(version.document_id)).title:
                await tx.documents.update(version.document_id, {"title": title})
        return parsed

    async def _chunks(self, lease: Lease, version: Version, parsed: ParsedText) -> None:
        """Write the chunks that are not written yet, a batch at a time."""
        async with self.database.transaction(lease.job.tenant_id) as tx:
            document = await tx.documents.get(version.document_id)
        described = Described(document.title, document.filename, document.tags, document.metadata)
        chunks = await asyncio.to_thread(
            chunk_text, parsed, version.id, described, self.embedder.count_tokens
        )
        if not chunks:
            raise without_text()
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            if version.pipeline not in {"", PIPELINE}:
                await tx.chunks.clear(version.id)
            tokens = sum(chunk.tokens for chunk in chunks)
            await tx.versions.set_plan(version.id, PIPELINE, len(chunks), tokens=tokens)
            await tx.documents.set_status(version.document_id, DocumentStatus.EMBEDDING)
            space_id, _ = await tx.collections.head(version.collection_id)
            done = await tx.chunks.done(version.id, space_id)
            await tx.jobs.progress(lease, done=len(done), total=len(chunks))
        missing = [chunk for chunk in chunks if chunk.ordinal not in done]
        written = len(done)
        for start in range(0, len(missing), BATCH):
            batch = await self._with_vectors(lease, missing[start : start + BATCH], parsed.text)
            written += len(batch)
            await self._write(lease, version, space_id, batch, (written, len(chunks)))

    async def _with_vectors(
        self, lease: Lease, batch: Sequence[Chunk], text: str
    ) -> Sequence[NewChunk]:
        passages = passages_of(batch, text)
        vectors = await self.embed(lease.job.tenant_id, passages)
        words = [passage.text for passage in passages]
        return [NewChunk(*one) for one in zip(batch, words, vectors, strict=True)]

    async def _write(
        self,
        lease: Lease,
        version: Version,
        space_id: SpaceId,
        batch: Sequence[NewChunk],
        progress: tuple[int, int],
    ) -> None:
        done, total = progress
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.progress(lease, done=done, total=total)
            await tx.chunks.put(version.document_id, version.id, space_id, batch)
            await tx.versions.set_progress(version.id, done)

    async def _publish(self, lease: Lease, version: Version) -> None:
        """Make the version the one that is searched, and the job done, in one transaction."""
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            document = await tx.documents.lock(version.document_id)
            dropped = []
            if document.version_id == version.id:
                dropped = await self._replace(tx, version)
            await tx.jobs.finish(lease)
        await self.blobs.delete(dropped)

    async def _replace(self, tx: Transaction, version: Version) -> list[str]:
        shown = await tx.documents.shown(version.document_id)
        if shown is not None and shown != version.id:
            await tx.collections.publish(
                version.collection_id, ChangeKind.REMOVE, version.document_id, shown
            )
            await tx.chunks.clear(shown)
        await tx.documents.update(
            version.document_id,
            {"active_version_id": version.id, "status": DocumentStatus.READY.value},
        )
        await tx.collections.publish(
            version.collection_id, ChangeKind.PUT, version.document_id, version.id
        )
        return (
            []
            if version.keeps_older
            else await tx.versions.drop_older(version.document_id, version.id)
        )

    async def embed(
        self, tenant_id: TenantId, passages: Sequence[PassageText]
    ) -> Sequence[NDArray[np.float32]]:
        """The vectors; a model that costs something is paid by the tenant."""
        return await paid_by(tenant_id, self.embedder, PASSAGES).embed_passages(passages)

    async def fail(self, lease: Lease, error: DocumentError) -> None:
        """The job has failed and its document says why; raises `LeaseLostError`."""
        reason = f"{error.message} {error.hint}".strip()
        async with self.database.transaction(lease.job.tenant_id) as tx:
            await tx.jobs.hold(lease)
            code = error.reason
            if code == FailureCode.CRASH:
                if await tx.jobs.crashed(lease) < POISON_CRASHES:
                    await tx.jobs.retry_later(lease, code, reason, seconds=1.0)
                    return
                code = FailureCode.POISON
            await tx.jobs.fail(lease, code, reason)
            await mark_failed(tx, VersionId(lease.job.subject), code, reason)

    async def try_later(self, lease: Lease, error: LimitedError | UpstreamError) -> None:
        """Back to the queue, or failed after `MAX_ATTEMPTS`; raises `LeaseLostError`."""
        seconds = error.retry_after if isinstance(error, LimitedError) else RETRY_SECONDS
        async with self.database.transaction(lease.job.tenant_id) as tx:
            if lease.job.attempts < MAX_ATTEMPTS:
                await tx.jobs.retry_later(lease, error.code, error.message, seconds=seconds)
                return
            await tx.jobs.fail(lease, error.code, error.message)
            await mark_failed(tx, VersionId(lease.job.subject), error.code, error.message)


def _over_quota(error: QuotaExceededError) -> DocumentError:
    return DocumentError(FailureCode.QUOTA_EXCEEDED, error.message, hint=error.hint)


async def mark_failed(tx: Transaction, version_id: VersionId, code: str, reason: str) -> None:
    """Say on the document why its latest version could not be read; an older one still serves."""
    try:
        version = await tx.versions.get(version_id)
    except NotFoundError:
        return
    document = await tx.documents.get(version.document_id)
    if document.version_id == version_id:
        await tx.documents.set_status(
            version.document_id, DocumentStatus.FAILED, failure=(code, reason)
        )


def with_language(read: ParsedText) -> ParsedText:
    """The text with its language, found out where the file does not tell."""
    language = read.language
    # The words of a program are no language; its comments are analysed as English is.
    if not language and read.kind is not TextKind.CODE:
        language = detect_language(read.text)
    return replace(read, language=language[:2].lower())


def own_title(parsed: ParsedText, filename: str) -> str:
    """What a document is called when nobody has named it."""
    return (parsed.title or PurePosixPath(filename).stem)[:500]


def without_text() -> DocumentError:
    """Nothing of the text can be searched."""
    return DocumentError(
        FailureCode.NO_TEXT, "The file holds no text.", hint="Is it a scan or a picture?"
    )


def passages_of(chunks: Sequence[Chunk], text: str) -> list[PassageText]:
    """What the embedder is given of the chunks of `text`."""
    return [PassageText(text[c.start : c.end], c.context, c.windows) for c in chunks]
