"""Short texts from bytes to searchable, many at once: one call of the embedder, two commits.

Each keeps its own job. What its job has lost, what was deleted or changed meanwhile and what turns
out to be no plain text drops out alone, and the others go on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from citewell.documents.chunking import PIPELINE, Described, chunk_text
from citewell.documents.ingest import Ingestion, own_title, passages_of, with_language, without_text
from citewell.documents.parsers.direct import read_directly
from citewell.domain.documents import Chunk, ParsedText
from citewell.domain.errors import (
    DocumentError,
    LeaseLostError,
    LimitedError,
    QuotaExceededError,
    UpstreamError,
)
from citewell.domain.ids import VersionId
from citewell.domain.jobs import Lease
from citewell.inference.embedding import PassageText
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.repositories.taking_in.new_chunks import Batch, NewChunk
from citewell.storage.repositories.taking_in.short_texts import ShownText, WaitingText
from citewell.storage.repositories.versions import WholeText
from citewell.storage.sealing.seal import Seal
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class _Read:
    """A text that is read and cut, not embedded yet."""

    lease: Lease
    waiting: WaitingText
    parsed: ParsedText
    chunks: Sequence[Chunk]

    @property
    def tokens(self) -> int:
        return sum(chunk.tokens for chunk in self.chunks)

    @property
    def passages(self) -> list[PassageText]:
        return passages_of(self.chunks, self.parsed.text)


_Made = tuple[_Read, Sequence[NewChunk]]


@dataclass(frozen=True, slots=True)
class ShortTexts:
    """Runs jobs `ingest` of one tenant together, about short texts that nobody has begun."""

    ingestion: Ingestion

    async def run(self, leases: Sequence[Lease]) -> list[Lease]:
        """Bring the jobs to their ends; returns those that have to be read alone.

        Raises `UnavailableError` when nothing can be written; what was not committed is not stored.
        """
        waiting = await self._waiting(leases)
        seal = await self.ingestion.database.seal(leases[0].job.tenant_id)
        read = await asyncio.to_thread(self._read_all, leases, waiting, seal)
        for lease, outcome in read:
            if isinstance(outcome, DocumentError):
                await self._ended(lease, outcome)
        alone = [lease for lease, outcome in read if outcome is None]
        texts = await self._still_ours([one for _, one in read if isinstance(one, _Read)])
        try:
            made = await self._embedded(texts)
        except (LimitedError, UpstreamError) as error:
            for one in texts:
                await self._ended(one.lease, error)
            return alone
        try:
            alone += await self._shown(made)
        except QuotaExceededError:
            # One by one, as many are stored as fit.
            alone += [one.lease for one in texts]
        return alone

    async def _waiting(self, leases: Sequence[Lease]) -> dict[VersionId, WaitingText]:
        versions = [VersionId(lease.job.subject) for lease in leases]
        async with self.ingestion.database.transaction(leases[0].job.tenant_id) as tx:
            return {one.version_id: one for one in await tx.documents.short.waiting(versions)}

    def _read_all(
        self, leases: Sequence[Lease], waiting: dict[VersionId, WaitingText], seal: Seal
    ) -> list[tuple[Lease, _Read | DocumentError | None]]:
        """None for what has to be read alone; blocks."""
        return [
            (lease, self._read(lease, waiting.get(VersionId(lease.job.subject)), seal))
            for lease in leases
        ]

    def _read(
        self, lease: Lease, waiting: WaitingText | None, seal: Seal
    ) -> _Read | DocumentError | None:
        if waiting is None:
            return None
        try:
            content = b"".join(self.ingestion.blobs.pieces(waiting.blob_key, seal))
            found = read_directly(content, waiting.filename)
            if found is None:
                return None
            parsed = with_language(found)
            title = waiting.title or own_title(parsed, waiting.filename)
            described = Described(title, waiting.filename, waiting.tags, waiting.metadata)
            count_tokens = self.ingestion.embedder.count_tokens
            chunks = chunk_text(parsed, waiting.version_id, described, count_tokens)
        except DocumentError as error:
            return error
        return _Read(lease, waiting, parsed, chunks) if chunks else without_text()

    async def _still_ours(self, texts: Sequence[_Read]) -> list[_Read]:
        """Say on the documents that they are being embedded; leaves out whose lease is lost."""
        if not texts:
            return []
        async with self.ingestion.database.transaction(texts[0].lease.job.tenant_id) as tx:
            held = await tx.documents.short.hold([one.lease for one in texts])
            ours = [one for one in texts if one.lease.job.id in held]
            await tx.documents.short.embedding([one.waiting.document_id for one in ours])
        return ours

    async def _embedded(self, texts: Sequence[_Read]) -> list[_Made]:
        if not texts:
            return []
        tenant_id = texts[0].lease.job.tenant_id
        passages = [passage for one in texts for passage in one.passages]
        vectors = iter(await self.ingestion.embed(tenant_id, passages))
        return [
            (
                one,
                [
                    NewChunk(chunk, passage.text, next(vectors))
                    for chunk, passage in zip(one.chunks, one.passages, strict=True)
                ],
            )
            for one in texts
        ]

    async def _shown(self, made: Sequence[_Made]) -> list[Lease]:
        """Store and show them in one transaction; returns what was changed meanwhile."""
        if not made:
            return []
        async with self.ingestion.database.transaction(made[0][0].lease.job.tenant_id) as tx:
            # Jobs before documents before collections, as everybody locks them.
            held = await tx.documents.short.hold([one.lease for one, _ in made])
            ours = [pair for pair in made if pair[0].lease.job.id in held]
            unchanged = await tx.documents.short.lock([one.waiting.version_id for one, _ in ours])
            fine = [pair for pair in ours if pair[0].waiting.version_id in unchanged]
            if fine:
                await _store(tx, fine)
                await _show(tx, fine)
        return [one.lease for one, _ in ours if one.waiting.version_id not in unchanged]

    async def _ended(
        self, lease: Lease, error: DocumentError | LimitedError | UpstreamError
    ) -> None:
        try:
            if isinstance(error, DocumentError):
                await self.ingestion.fail(lease, error)
            else:
                await self.ingestion.try_later(lease, error)
        except LeaseLostError:
            return  # It is somebody else's to tell, or nobody's; the others go on.


async def _store(tx: Transaction, made: Sequence[_Made]) -> None:
    await tx.versions.store_whole(
        [
            WholeText(one.waiting.version_id, one.parsed, len(chunks), one.tokens)
            for one, chunks in made
        ],
        PIPELINE,
    )
    await tx.chunks.put_all(
        [
            Batch(one.waiting.document_id, one.waiting.version_id, one.waiting.space_id, chunks)
            for one, chunks in made
        ]
    )


async def _show(tx: Transaction, made: Sequence[_Made]) -> None:
    """Collections in order of their ids: two workers wait for each other in no circle."""
    await tx.documents.short.finish(
        [
            ShownText(
                one.lease,
                one.waiting.document_id,
                one.waiting.version_id,
                own_title(one.parsed, one.waiting.filename),
                len(chunks),
            )
            for one, chunks in made
        ]
    )
    ordered = sorted((one.waiting for one, _ in made), key=lambda one: str(one.collection_id))
    for collection_id, texts in groupby(ordered, key=lambda one: one.collection_id):
        subjects = [(one.document_id, one.version_id) for one in texts]
        await tx.collections.publish_all(collection_id, ChangeKind.PUT, subjects)
