"""Promise P2: upload to searchable beside the embedder alone; and the search meanwhile."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from citewell.bootstrap import App, open_app
from citewell.config import Settings
from citewell.documents.ingest import Ingestion
from citewell.documents.parsers.host import ParserHost
from citewell.documents.removal import Removal
from citewell.documents.service import Upload
from citewell.domain.documents import DocumentStatus
from citewell.domain.ids import CollectionId
from citewell.domain.passages import SearchQuery
from citewell.domain.principal import Principal
from citewell.inference.embedding import PassageText
from citewell.storage.repositories.documents import DocumentQuery
from citewell.worker.loop import Worker

POLL_SECONDS = 0.2
LIMIT_SECONDS = 900.0


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


async def _ingest(
    app: App, principal: Principal, collection: CollectionId, texts: list[str]
) -> float:
    """Seconds from the first upload until the last document can be searched."""
    stop = asyncio.Event()
    async with ParserHost() as host, asyncio.TaskGroup() as group:
        ingestion = Ingestion(app.database, app.blobs, host, app.embedder)
        removal = Removal(app.database, app.blobs)
        worker = Worker(uuid4(), app.database, app.notifications, ingestion, removal)
        group.create_task(worker.run(stop))
        began = time.perf_counter()
        for number, text in enumerate(texts):
            upload = Upload(f"{number}.txt", _bytes(text))
            await app.documents.accept(principal, collection, upload)
        while await _unfinished(app, principal, collection):
            if time.perf_counter() - began > LIMIT_SECONDS:
                raise SystemExit("Ingestion did not end in time.")
            await asyncio.sleep(POLL_SECONDS)
        took = time.perf_counter() - began
        stop.set()
    return took


async def _unfinished(app: App, principal: Principal, collection: CollectionId) -> bool:
    for status in (DocumentStatus.RECEIVED, DocumentStatus.PARSING, DocumentStatus.EMBEDDING):
        query = DocumentQuery(collection_id=collection, status=status, limit=1)
        if await app.documents.page(principal, query):
            return True
    return False


async def _alone(app: App, principal: Principal, collection: CollectionId) -> tuple[float, int]:
    """Seconds of the embedder alone on the very chunks that ingestion made, and how many."""
    passages: list[PassageText] = []
    async with app.database.transaction(principal.tenant_id) as tx:
        space_id, _ = await tx.collections.head(collection)
        after = 0
        while page := await tx.chunks.entries(collection, space_id, after=after, limit=2000):
            after = page[-1].key
            live = await tx.chunks.live([one.key for one in page], [collection])
            for one in page:
                chunk = live[one.key]
                spans = _equal_spans(len(chunk.text), len(one.vectors) - 1)
                passages.append(PassageText(chunk.text, chunk.context, spans))
    began = time.perf_counter()
    for start in range(0, len(passages), 256):
        await app.embedder.embed_passages(passages[start : start + 256])
    return time.perf_counter() - began, len(passages)


def _equal_spans(length: int, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((length * n // count, length * (n + 1) // count) for n in range(count))


async def _measure(data: Path, documents: int) -> dict[str, Any]:
    corpus = data / "quality" / "scifact" / "corpus.jsonl"
    with corpus.open(encoding="utf-8") as lines:
        texts = [f"{r['title']}\n\n{r['text']}" for r in map(json.loads, lines)]
    with tempfile.TemporaryDirectory() as home:
        async with open_app(Settings(home=Path(home), workers=0)) as app:
            principal = await app.accounts.administrator()
            collection = (await app.documents.collection(principal, "default")).id
            ingested = await _ingest(app, principal, collection, texts[:documents])
            alone, chunks = await _alone(app, principal, collection)
            query = SearchQuery("protein expression in cells", (collection,))
            idle = [await _search(app, principal, query) for _ in range(100)]
    return {
        "documents": documents,
        "chunks": chunks,
        "ingestion_seconds": round(ingested, 2),
        "embedder_alone_seconds": round(alone, 2),
        "share_of_embedder": round(alone / ingested, 3),
        "search_idle_p95_ms": round(float(np.percentile(idle, 95)), 2),
        "reach": {"share_of_embedder": 0.85},
    }


async def _search(app: App, principal: Principal, query: SearchQuery) -> float:
    began = time.perf_counter()
    await app.retrieval.search(principal, query)
    return (time.perf_counter() - began) * 1000


def measure(data: Path, documents: int = 600) -> dict[str, Any]:
    """All figures of P2."""
    return asyncio.run(_measure(data, documents))
