"""Promise P3: hybrid search over 100,000 chunks, the product beside its peers, the same model.

The product searches through `Retrieval.search` in process, query embedding and the join to live
rows included; the chunks are put into its tables and change log directly, so that every peer and
the product hold the same pieces and vectors. Peers run in their own environment and process. All
give the texts of the best ten pieces, as people ask for them, and of the best fifty, in which more
than ten documents can be told apart. The product is timed before and behind each peer: a machine
that is slow for some minutes is slow for both. Taking turns question by question would measure how
fast each comes back to a cold cache.
"""

import asyncio
import json
import statistics
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
import uvloop

from benchmarks.speed.pieces import Pieces, Question, load, ndcg_at_10, questions
from benchmarks.speed.seeding import seed
from citewell.bootstrap import open_app
from citewell.config import Settings
from citewell.domain.ids import DocumentId
from citewell.domain.passages import SearchMode, SearchQuery
from citewell.domain.principal import Principal
from citewell.retrieval.service import Retrieval

MODEL = Path(__file__).parents[2] / "src" / "citewell" / "inference" / "builtin"
PEERS = ("txtai", "lancedb", "chroma", "langchain", "haystack")
SLOW = {"haystack": 10, "langchain": 30}
PEER_SECONDS = 1500.0
ANSWER_SECONDS = 60.0
DEPTHS = (10, 50)
WARM_UP = 5


class Side(Protocol):
    """Whoever answers questions."""

    async def ask(self, question: str, count: int) -> tuple[float, list[str]]:
        """Milliseconds, and the documents of the best `count` pieces, best first."""


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    return {
        "p50": round(float(np.percentile(milliseconds, 50)), 2),
        "p95": round(float(np.percentile(milliseconds, 95)), 2),
    }


async def measure_all(
    pieces: Pieces, asked: list[Question], folder: Path, python: Path
) -> dict[str, Any]:
    """The product's figures for every mode, and beside each peer."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), workers=0)
        async with open_app(settings) as app:
            principal = await app.accounts.administrator()
            began = time.perf_counter()
            collection, names = await seed(app, principal, pieces)
            seeded = time.perf_counter() - began
            began = time.perf_counter()
            await app.retrieval.search(principal, SearchQuery("warm up", (collection,)))
            figures: dict[str, Any] = {"seed_seconds": seeded}
            figures["build_seconds"] = time.perf_counter() - began
            ours = Ours(app.retrieval, principal, SearchQuery("", (collection,)), names)
            for mode in SearchMode:
                side = replace(ours, query=replace(ours.query, mode=mode))
                figures[mode.value] = {n: told(await timed(side, asked, n)) for n in DEPTHS}
            every = {"chunks": len(pieces.texts), "citewell": figures}
            for name in PEERS:
                every[name] = await beside(name, ours, Pieced(pieces, folder, python), asked)
                print(name, every[name], flush=True)
            return every


@dataclass(frozen=True, slots=True)
class Ours:
    """The product as one side."""

    retrieval: Retrieval
    principal: Principal
    query: SearchQuery
    names: Mapping[DocumentId, str]

    async def ask(self, question: str, count: int) -> tuple[float, list[str]]:
        """Milliseconds, and the documents of the pieces found."""
        query = replace(self.query, text=question, limit=count)
        began = time.perf_counter()
        found = await self.retrieval.search(self.principal, query)
        took = (time.perf_counter() - began) * 1000
        return took, [self.names[passage.document_id] for passage in found.passages]


@dataclass(frozen=True, slots=True)
class Pieced:
    """What a peer is given: a folder with the pieces, and an interpreter that knows it."""

    pieces: Pieces
    folder: Path
    python: Path


@dataclass(frozen=True, slots=True)
class Theirs:
    """A peer's process as the other side."""

    process: asyncio.subprocess.Process
    documents: Sequence[str]

    async def line(self, seconds: float) -> Any:
        """What it says next."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            return json.loads(await self.process.stdout.readline())

    async def ask(self, question: str, count: int) -> tuple[float, list[str]]:
        """Milliseconds, and the documents of the pieces found."""
        assert self.process.stdin is not None
        said = json.dumps({"question": question, "count": count})
        self.process.stdin.write(f"{said}\n".encode())
        told = await self.line(ANSWER_SECONDS)
        return told["milliseconds"], [self.documents[row] for row in told["rows"]]


async def beside(name: str, ours: Ours, given: Pieced, asked: list[Question]) -> dict[str, Any]:
    """One peer's figures and the product's beside it, or why it gave none."""
    script = Path(__file__).with_name("peers.py")
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            given.python, script, name, given.folder, stdin=PIPE, stdout=PIPE, stderr=complaints
        )
        try:
            theirs = Theirs(process, given.pieces.documents)
            figures = dict(await theirs.line(PEER_SECONDS))
            figures["questions"] = SLOW.get(name, len(asked))
            for count in DEPTHS:
                questions = asked[: figures["questions"]]
                before, took, after = [
                    await timed(side, questions, count) for side in (ours, theirs, ours)
                ]
                figures[str(count)] = {**told(took), "citewell": told([*before, *after])}
        except (ValueError, TimeoutError) as error:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
            figures = {"error": said or repr(error)}
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    return figures


async def timed(side: Side, asked: Sequence[Question], count: int) -> list[tuple[float, float]]:
    """Milliseconds and nDCG@10 of every question."""
    for question in asked[:WARM_UP]:
        await side.ask(f"{question.text} {uuid4().hex[:4]}", count)
    figures = []
    for question in asked:
        took, ranked = await side.ask(question.text, count)
        figures.append((took, ndcg_at_10(ranked, question.relevant)))
    return figures


def told(figures: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Milliseconds at p50 and p95, and how well documents are ranked."""
    times, scores = zip(*figures, strict=True)
    return {**percentiles(list(times)), "ndcg@10": statistics.mean(scores)}


def measure(data: Path, cache: Path, python: Path, *, chunks: int, asked: int) -> dict[str, Any]:
    """All figures of P3; `python` is the interpreter of the peers' environment."""
    pieces, judged = load(data, chunks, cache), questions(data, asked)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pieces.json").write_text(json.dumps(pieces.texts), encoding="utf-8")
        np.save(folder / "vectors.npy", pieces.vectors)
        for name in ("model.onnx", "tokenizer.json"):
            (folder / name).symlink_to(MODEL / name)
        # As the server does.
        return uvloop.run(measure_all(pieces, judged, folder, python))
