"""Promise P2: upload to searchable beside the embedder alone; and the search meanwhile.

The server's part runs in this process, the worker in its own, as with `citewell serve`.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.product import File, Product, running, working
from citewell.domain.ids import CollectionId
from citewell.inference.embedding import PassageText

DOCUMENTS = 600
SEARCHES = 200
PAGE = 2000
BATCH = 256
REACH = {"share_of_embedder": 0.85, "search_p95_ratio": 2.0}


def measure(data: Path) -> dict[str, Any]:
    """All figures of P2."""
    return asyncio.run(_measure(_files(data)))


def _files(data: Path) -> list[File]:
    corpus = data / "quality" / "scifact" / "corpus.jsonl"
    with corpus.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(2 * DOCUMENTS), strict=False)]
    return [File(f"{row['id']}.txt", row["title"], row["text"]) for row in rows]


async def _measure(files: list[File]) -> dict[str, Any]:
    questions = [file.title for file in files[:SEARCHES]]
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Path(scratch)) as product, working(Path(scratch)):
            first, second = await product.collection("first"), await product.collection("second")
            await product.add(first, files[:20])  # warm: the worker's model and reader are there
            began = time.perf_counter()
            await product.add(first, files[:DOCUMENTS])
            ingested = time.perf_counter() - began
            passages = (await _passages(product, first))[20:]
            alone = await _alone(product, passages)
            idle = await _searches(product, first, questions)
            busy = await _searches_while_adding(product, first, second, files[DOCUMENTS:])
    p95 = [float(np.percentile(times, 95)) for times in (idle, busy)]
    return {
        "documents": DOCUMENTS - 20,
        "chunks": len(passages),
        "ingestion_seconds": round(ingested, 2),
        "embedder_alone_seconds": round(alone, 2),
        "share_of_embedder": round(alone / ingested, 3),
        "search_idle_p95_ms": round(p95[0], 2),
        "search_during_ingestion_p95_ms": round(p95[1], 2),
        "searches_during_ingestion": len(busy),
        "search_p95_ratio": round(p95[1] / p95[0], 2),
        "reach": REACH,
    }


async def _passages(product: Product, collection: CollectionId) -> list[PassageText]:
    """The very chunks that ingestion made, with their windows, as the embedder was given them."""
    app, passages, after = product.app, list[PassageText](), 0
    async with app.database.transaction(product.principal.tenant_id) as tx:
        space_id, _ = await tx.collections.head(collection)
        while page := await tx.chunks.entries(collection, space_id, after=after, limit=PAGE):
            after = page[-1].key
            live = await tx.chunks.live([one.key for one in page], [collection])
            for one in page:
                chunk = live[one.key]
                spans = _equal_spans(len(chunk.text), len(one.vectors) - 1)
                passages.append(PassageText(chunk.text, chunk.context, spans))
    return passages


def _equal_spans(length: int, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((length * n // count, length * (n + 1) // count) for n in range(count))


async def _alone(product: Product, passages: list[PassageText]) -> float:
    """Seconds of the embedder alone."""
    began = time.perf_counter()
    for start in range(0, len(passages), BATCH):
        await product.app.embedder.embed_passages(passages[start : start + BATCH])
    return time.perf_counter() - began


async def _searches(
    product: Product, collection: CollectionId, questions: list[str]
) -> list[float]:
    return [await _timed(product, collection, question) for question in questions]


async def _searches_while_adding(
    product: Product, searched: CollectionId, filled: CollectionId, files: list[File]
) -> list[float]:
    adding = asyncio.ensure_future(product.add(filled, files))
    times: list[float] = []
    while not adding.done():
        times.append(await _timed(product, searched, files[len(times) % len(files)].title))
        # A reader's pace: the question is how long one search takes, not how many fit.
        await asyncio.sleep(0.02)
    await adding
    return times


async def _timed(product: Product, collection: CollectionId, text: str) -> float:
    """Milliseconds of one hybrid search."""
    began = time.perf_counter()
    await product.search(collection, text, limit=8)
    return (time.perf_counter() - began) * 1000
