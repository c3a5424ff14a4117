"""A tenant's documents in a real database, read in this process and embedded by a stand-in."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from citewell.documents.ingest import Ingestion
from citewell.documents.parsers.host import ParserHost
from citewell.documents.parsers.reading import read
from citewell.documents.queue import JobQueue
from citewell.documents.removal import Removal
from citewell.documents.room import Room
from citewell.documents.service import Accepted, Documents, Upload
from citewell.domain.documents import Collection, Document, OnDuplicate, ParsedText
from citewell.domain.ids import TenantId, UserId, new_id
from citewell.domain.jobs import Job, JobKind, Lease
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.embedding import EmbeddingModel, PassageText, Span, TokenStates, Vector
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.sealing import masters

MODEL = EmbeddingModel("stand-in", "1", 4, 256)
LIMIT = 100_000


@dataclass(slots=True)
class Embedding:
    """Vectors that only depend on the text.

    `errors` are raised by the next calls, first first; `dies_after` so many calls it only breaks.
    """

    texts: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    dies_after: int | None = None
    calls: int = 0
    held: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def model(self) -> EmbeddingModel:
        return MODEL

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        if self.errors:
            raise self.errors.pop(0)
        if self.calls == self.dies_after:
            raise ConnectionAbortedError
        self.calls += 1
        self.texts += [passage.text for passage in passages]
        return [self._rows(passage) for passage in passages]

    async def embed_query(self, text: str) -> Vector:
        vector: Vector = self._rows(PassageText(text))[0]
        return vector

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        return self._rows(PassageText(question, windows=tuple(clauses)))

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        return None

    def count_tokens(self, text: str) -> int:
        return len(text) // 5

    async def close(self) -> None:
        return None

    def _rows(self, passage: PassageText) -> NDArray[np.float32]:
        rows = np.zeros((1 + len(passage.windows), 4), dtype=np.float32)
        rows[:, len(passage.text) % 4] = 1.0
        return rows


@dataclass(slots=True)
class Reading:
    """Reads files here; `errors` are raised by the next calls, first first."""

    files: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    async def parse(self, content: Path | Iterable[bytes], filename: str) -> ParsedText:
        self.files.append(filename)
        if self.errors:
            raise self.errors.pop(0)
        data = await asyncio.to_thread(whole, content)
        return read(data, filename, text_chars=1_000_000)


@dataclass(slots=True)
class Library:
    """One tenant's editor with the documents, and a worker that works when it is told to."""

    database: Database
    owner: Principal
    blobs: BlobStore
    documents: Documents
    queue: JobQueue
    ingestion: Ingestion
    removal: Removal
    embedding: Embedding
    reading: Reading
    collection: Collection

    async def add(
        self,
        name: str,
        content: bytes,
        *,
        on_duplicate: OnDuplicate = OnDuplicate.SKIP,
        title: str = "",
    ) -> Accepted:
        upload = Upload(name, pieces(content), title=title, on_duplicate=on_duplicate)
        return await self.documents.accept(self.owner, self.collection.id, upload)

    async def claim(self) -> Lease:
        async with self.database.system() as system:
            leases = await system.claim(uuid4())
        assert leases, "There is no job to do."
        return leases[0]

    async def work(self) -> None:
        """Do the next job to its end."""
        lease = await self.claim()
        if lease.job.kind is JobKind.INGEST:
            await self.ingestion.run(lease)
        else:
            await self.removal.run(lease)

    async def ready(self, name: str, content: bytes, **options: OnDuplicate) -> Document:
        accepted = await self.add(name, content, **options)
        await self.work()
        return await self.shown(accepted.document)

    async def shown(self, document: Document) -> Document:
        return await self.documents.get(self.owner, document.id)

    async def job_of(self, document: Document) -> Job:
        assert document.version_id is not None
        async with self.database.transaction(self.owner.tenant_id) as tx:
            job = await tx.jobs.latest_of(document.version_id)
        assert job is not None
        return job

    async def chunk_texts(self, document: Document) -> list[str]:
        """What is searched of the document."""
        async with self.database.transaction(self.owner.tenant_id) as tx:
            version = await tx.versions.current(document.id)
            rows = await tx.chunks.of_document(version, after=-1, limit=1_000)
        return [row.text for row in rows]

    async def head(self) -> int:
        async with self.database.transaction(self.owner.tenant_id) as tx:
            return (await tx.collections.get(self.collection.id)).head

    def files(self) -> list[Path]:
        return [path for path in self.blobs.folder.rglob("*") if path.is_file()]


def whole(content: Path | Iterable[bytes]) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else b"".join(content)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000):
        yield content[start : start + 1_000]


@pytest.fixture
def owner(tenant: TenantId) -> Principal:
    """Somebody with every right in the tenant."""
    return Principal(tenant, UserId(new_id()), Role.OWNER, frozenset(Scope))


@pytest.fixture
async def plain_library(database: Database, owner: Principal, tmp_path: Path) -> Library:
    """With encryption off."""
    blobs, embedding, reading = BlobStore(tmp_path / "blobs"), Embedding(), Reading()
    documents = Documents(database, blobs, MODEL, LIMIT, Room(database))
    return Library(
        database=database,
        owner=owner,
        blobs=blobs,
        documents=documents,
        queue=JobQueue(database),
        ingestion=Ingestion(database, blobs, cast("ParserHost", reading), embedding),
        removal=Removal(database, blobs),
        embedding=embedding,
        reading=reading,
        collection=await documents.collection(owner, "default"),
    )


@pytest.fixture(params=["plain", "sealed"])
async def library(
    plain_library: Library, tmp_path: Path, request: pytest.FixtureRequest
) -> Library:
    """With encryption off, and on: nothing here may tell the difference."""
    if request.param == "sealed":
        await plain_library.database.vault.unlock(masters.make(tmp_path / masters.FILE_NAME))
    return plain_library
