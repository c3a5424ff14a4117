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
import uvloop

from benchmarks.product import File, Product, running, working
from citewell.domain.ids import DEFAULT_TENANT, CollectionId
from citewell.inference.embedding import PassageText
from citewell.inference.paying import PASSAGES, paid_by

ABSTRACTS = 400
SEARCHES = 200
PAGE = 2000
BATCH = 256
PACE_SECONDS = 0.02
REACH = {"share_of_embedder": 0.85, "search_p95_ratio": 2.0}


def measure(data: Path) -> dict[str, Any]:
    """All figures of P2: documents of several pages, and abstracts of one paragraph."""
    # As the server does.
    return uvloop.run(_measure(_guides(data), _abstracts(data)))


def _guides(data: Path) -> list[File]:
    found = sorted((data / "docs" / "owasp").glob("*.md"))
    return [File(path.name, "", path.read_text("utf-8")) for path in found]


def _abstracts(data: Path) -> list[File]:
    corpus = data / "quality" / "scifact" / "corpus.jsonl"
    with corpus.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(2 * ABSTRACTS), strict=False)]
    return [File(f"{row['id']}.txt", row["title"], row["text"]) for row in rows]


async def _measure(guides: list[File], abstracts: list[File]) -> dict[str, Any]:
    questions = [file.title for file in abstracts[:SEARCHES]]
    with tempfile.TemporaryDirectory() as scratch:
        async with running(Path(scratch)) as product, working(Path(scratch)):
            # Warm: the worker's model and reader are there.
            await product.add(await product.collection("warm"), abstracts[:10])
            long = await _beside_the_embedder(product, "guides", guides)
            short = await _beside_the_embedder(product, "abstracts", abstracts[:ABSTRACTS])
            searched, filled = await product.collection("abstracts"), await product.collection("b")
            idle = await _searches(product, searched, questions)
            busy = await _searches_while_adding(product, searched, filled, abstracts[ABSTRACTS:])
    p95 = [float(np.percentile(times, 95)) for times in (idle, busy)]
    return {
        "guides": long,
        "abstracts": short,
        "search_idle_p95_ms": round(p95[0], 2),
        "search_during_ingestion_p95_ms": round(p95[1], 2),
        "searches_during_ingestion": len(busy),
        "search_p95_ratio": round(p95[1] / p95[0], 2),
        "reach": REACH,
    }


async def _beside_the_embedder(product: Product, name: str, files: list[File]) -> dict[str, Any]:
    """From the first upload until the last is searchable, and the embedder alone on the same."""
    collection = await product.collection(name)
    began = time.perf_counter()
    await product.add(collection, files)
    ingested = time.perf_counter() - began
    passages = await _passages(product, collection)
    alone = await _alone(product, passages)
    return {
        "documents": len(files),
        "chunks": len(passages),
        "ingestion_seconds": round(ingested, 2),
        "embedder_alone_seconds": round(alone, 2),
        "share_of_embedder": round(alone / ingested, 3),
    }


async def _passages(product: Product, collection: CollectionId) -> list[PassageText]:
    """The very chunks that ingestion made, with their windows, as the embedder was given them."""
    app, passages, after = product.app, list[PassageText](), 0
    async with app.database.transaction(product.principal.tenant_id) as tx:
        space_id, _ = await tx.collections.head(collection)
        while page := await tx.chunks.entries(collection, space_id, after=after, limit=PAGE):
            after = page[-1].key
            live = await app.database.live(
                product.principal, [one.key for one in page], [collection]
            )
            for one in page:
                chunk = live[one.key]
                spans = _equal_spans(len(chunk.text), len(one.vectors) - 1)
                passages.append(PassageText(chunk.text, chunk.context, spans))
    return passages


def _equal_spans(length: int, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((length * n // count, length * (n + 1) // count) for n in range(count))


async def _alone(product: Product, passages: list[PassageText]) -> float:
    """Seconds of the embedder alone."""
    embedder = paid_by(DEFAULT_TENANT, product.app.embedder, PASSAGES)
    began = time.perf_counter()
    for start in range(0, len(passages), BATCH):
        await embedder.embed_passages(passages[start : start + BATCH])
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
    await adding
    return times


async def _timed(product: Product, collection: CollectionId, text: str) -> float:
    """Milliseconds of one hybrid search, at a reader's pace.

    The question is how long one takes, idle or not, and not how many fit.
    """
    await asyncio.sleep(PACE_SECONDS)
    began = time.perf_counter()
    await product.search(collection, text, limit=8)
    return (time.perf_counter() - began) * 1000
