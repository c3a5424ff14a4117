"""Promise P3: hybrid search over 100,000 chunks, the product beside its peers, the same model.

The product searches through `Retrieval.search` in process, query embedding and the join to live
rows included; the chunks are put into its tables and change log directly, so that every peer and
the product hold the same pieces and vectors. Peers run in their own environment and process. All
give the texts of the best ten pieces, as people ask for them, and of the best fifty, in which more
than ten documents can be told apart.
"""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from benchmarks.speed.pieces import Pieces, Question, load, ndcg_at_10, questions
from benchmarks.speed.seeding import seed
from citewell.bootstrap import open_app
from citewell.config import Settings
from citewell.domain.ids import DocumentId
from citewell.domain.passages import SearchMode, SearchQuery, SearchResult
from citewell.domain.principal import Principal
from citewell.retrieval.service import Retrieval

MODEL = Path(__file__).parents[2] / "src" / "citewell" / "inference" / "builtin"
PEERS = ("txtai", "lancedb", "chroma", "langchain", "haystack")
SLOW = {"haystack": 10, "langchain": 30}
PEER_SECONDS = 1500.0
DEPTHS = (10, 50)
WARM_UP = 20


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    return {
        "p50": round(float(np.percentile(milliseconds, 50)), 2),
        "p95": round(float(np.percentile(milliseconds, 95)), 2),
    }


async def ours(pieces: Pieces, asked: list[Question]) -> dict[str, Any]:
    """The product's figures for every mode, and its ranking of documents."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), workers=0)
        async with open_app(settings) as app:
            principal = await app.accounts.administrator()
            began = time.perf_counter()
            collection, names = await seed(app, principal, pieces)
            seeded = time.perf_counter() - began
            began = time.perf_counter()
            await app.retrieval.search(principal, SearchQuery("warm up", (collection,)))
            built = time.perf_counter() - began
            figures: dict[str, Any] = {"seed_seconds": seeded, "build_seconds": built}
            for mode in SearchMode:
                figures[mode.value] = {}
                for count in DEPTHS:
                    query = SearchQuery("", (collection,), limit=count, mode=mode)
                    look = partial(_look, app.retrieval, principal, query)
                    figures[mode.value][str(count)] = await timed(look, names, asked)
            return figures


async def _look(
    retrieval: Retrieval, principal: Principal, query: SearchQuery, text: str
) -> SearchResult:
    return await retrieval.search(principal, replace(query, text=text))


async def timed(
    look: Callable[[str], Awaitable[SearchResult]],
    names: Mapping[DocumentId, str],
    asked: Sequence[Question],
) -> dict[str, float]:
    """Milliseconds at p50 and p95, and how well documents are ranked."""
    for question in asked[:WARM_UP]:
        await look(f"{question.text} {uuid4().hex[:4]}")
    took, scores = [], []
    for question in asked:
        began = time.perf_counter()
        found = await look(question.text)
        took.append((time.perf_counter() - began) * 1000)
        ranked = [names[passage.document_id] for passage in found.passages]
        scores.append(ndcg_at_10(ranked, question.relevant))
    return {**percentiles(took), "ndcg@10": statistics.mean(scores)}


def theirs(name: str, folder: Path, pieces: Pieces, asked: list[Question], python: Path) -> Any:
    """One peer's figures, or why it gave none."""
    count = SLOW.get(name, len(asked))
    command = [python, Path(__file__).with_name("peers.py"), name, folder, "--questions", count]
    command += ["--depths", *DEPTHS]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=PEER_SECONDS,
        check=False,
    )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    told = json.loads(done.stdout[done.stdout.index("{") :])
    figures = {
        "version": told["version"],
        "questions": count,
        "build_seconds": told["build_seconds"],
    }
    for depth, one in told["depths"].items():
        scores = [
            ndcg_at_10([pieces.documents[row] for row in ranked], question.relevant)
            for ranked, question in zip(one["ranked"], asked, strict=False)
        ]
        took = percentiles(one["milliseconds"])
        figures[depth] = {**took, "ndcg@10": statistics.mean(scores)}
    return figures


def measure(data: Path, cache: Path, python: Path, *, chunks: int, asked: int) -> dict[str, Any]:
    """All figures of P3; `python` is the interpreter of the peers' environment."""
    pieces, judged = load(data, chunks, cache), questions(data, asked)
    figures: dict[str, Any] = {"chunks": chunks, "citewell": asyncio.run(ours(pieces, judged))}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pieces.json").write_text(json.dumps(pieces.texts), encoding="utf-8")
        (folder / "questions.json").write_text(json.dumps([q.text for q in judged]), "utf-8")
        np.save(folder / "vectors.npy", pieces.vectors)
        for name in ("model.onnx", "tokenizer.json"):
            (folder / name).symlink_to(MODEL / name)
        for name in PEERS:
            figures[name] = theirs(name, folder, pieces, judged, python)
            print(name, figures[name], flush=True)
    return figures
