"""A block of vectors: immutable once made, searched by FAISS, read back by key.

The whole-chunk vectors are in a FAISS index (flat, float16; or inverted lists once large); the
same rows and their windows lie in one float16 array, `offsets[i]` being the row of chunk i.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.index.index import (
    EMPTY_KEYS,
    EMPTY_SCORES,
    Entry,
    Hits,
    IndexSettings,
    Keys,
    Vector,
)

SAMPLE_QUERIES = 200
RECALL_AT = 10
MAX_TRAINING = 65_536

# Its type stubs know neither the keywords nor the arrays that its Python layer accepts.
_engines: Any = faiss


@dataclass(frozen=True, slots=True)
class Block:
    """`keys` ascending; `versions` and `documents` are 16-byte ids; `probes` 0 means exact."""

    keys: Keys
    offsets: NDArray[np.int64]
    rows: NDArray[np.float16]
    versions: NDArray[np.void]
    documents: NDArray[np.void]
    engine: Any
    probes: int = 0
    recall: float = 1.0
    name: str = field(default_factory=lambda: uuid4().hex)

    @property
    def size(self) -> int:
        """Chunks in the block, removed ones included."""
        return len(self.keys)

    def search(self, query: Vector, count: int, alive: NDArray[np.bool_] | None) -> Hits:
        """The `count` best chunks by cosine, of those that are `alive` (all when None)."""
        among = self.size if alive is None else int(np.count_nonzero(alive))
        count = min(count, among)
        if not count:
            return Hits(EMPTY_KEYS, EMPTY_SCORES)
        # The fewer may be found, the more lists must be read to meet as many of them.
        hits = self._search(query, count, alive, self.probes * self.size // among)
        if len(hits.keys) < count:
            hits = self._search(query, count, alive, self.engine.nlist)
        return hits

    def _search(
        self, query: Vector, count: int, alive: NDArray[np.bool_] | None, probes: int
    ) -> Hits:
        given: dict[str, Any] = {}
        # One question is too little to share: waking a second thread takes longer than it saves.
        _engines.omp_set_num_threads(1)
        if alive is not None:
            given["sel"] = _engines.IDSelectorBitmap(np.packbits(alive, bitorder="little"))
        if self.probes:
            given["nprobe"] = min(probes, self.engine.nlist)
            chosen = _engines.SearchParametersIVF(**given)
        else:
            chosen = _engines.SearchParameters(**given) if given else None
        scores, found = self.engine.search(query[None, :], count, params=chosen)
        valid = found[0] >= 0
        return Hits(self.keys[found[0][valid]], scores[0][valid])

    def positions(self, keys: Keys) -> NDArray[np.int64]:
        """Place of each key in the block, -1 when absent."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        return np.where(self.keys[at] == keys, at, -1)

    def cosines(self, query: Vector, at: NDArray[np.int64]) -> tuple[Vector, Vector]:
        """Of the chunks at these places: cosine of the whole, and of the best window."""
        starts, ends = self.offsets[at], self.offsets[at + 1]
        counts = ends - starts
        firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        rows = np.repeat(starts - firsts, counts) + np.arange(int(counts.sum()))
        scores = self.rows[rows].astype(np.float32) @ query
        whole = scores[firsts]
        # The whole stands in for its windows where there are none.
        masked = scores.copy()
        masked[firsts[counts > 1]] = -np.inf
        return whole, np.maximum.reduceat(masked, firsts)

    def whole(self, at: NDArray[np.int64]) -> Vector:
        """(n, dimension) vectors of the chunks at these places."""
        return self.rows[self.offsets[at]].astype(np.float32)


def make_block(entries: Sequence[Entry], settings: IndexSettings) -> Block:
    """A block of these entries, which must not be empty; the last of equal keys counts."""
    ordered = sorted({entry.key: entry for entry in entries}.values(), key=lambda e: e.key)
    counts = [len(entry.vectors) for entry in ordered]
    return assemble(
        keys=np.array([entry.key for entry in ordered], dtype=np.int64),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        rows=np.concatenate([entry.vectors for entry in ordered]),
        versions=np.array([entry.version.bytes for entry in ordered], dtype="V16"),
        documents=np.array([entry.document.bytes for entry in ordered], dtype="V16"),
        settings=settings,
    )


def merge_blocks(
    blocks: Sequence[tuple[Block, NDArray[np.bool_] | None]], settings: IndexSettings
) -> Block | None:
    """One block of what is alive in these, or None when nothing is."""
    parts = [_alive_part(block, alive) for block, alive in blocks]
    keys = np.concatenate([part[0] for part in parts])
    if not len(keys):
        return None
    order = np.argsort(keys, kind="stable")
    counts = np.concatenate([part[1] for part in parts])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rows = np.concatenate([part[2] for part in parts])
    if not np.array_equal(order, np.arange(len(order))):
        rows = rows[_row_indices(starts[order], counts[order])]
    return assemble(
        keys=keys[order],
        offsets=np.concatenate(([0], np.cumsum(counts[order]))).astype(np.int64),
        rows=rows,
        versions=np.concatenate([part[3] for part in parts])[order],
        documents=np.concatenate([part[4] for part in parts])[order],
        settings=settings,
    )


def assemble(
    *,
    keys: Keys,
    offsets: NDArray[np.int64],
    rows: NDArray[np.float16],
    versions: NDArray[np.void],
    documents: NDArray[np.void],
    settings: IndexSettings,
) -> Block:
    """Build the engine that fits the size."""
    vectors = rows[offsets[:-1]].astype(np.float32)
    if len(keys) < settings.exact_below:
        engine, probes, recall = exact_engine(vectors), 0, 1.0
    else:
        engine, probes, recall = trained_engine(vectors, settings.recall)
    return Block(keys, offsets, rows, versions, documents, engine, probes, recall)


def exact_engine(vectors: Vector) -> Any:
    """Every vector is compared; float16."""
    engine = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    engine.add(vectors)
    return engine


def trained_engine(vectors: Vector, wanted: float) -> tuple[Any, int, float]:
    """Inverted lists with as many probes as `wanted` recall needs; (engine, probes, recall).

    Recall is measured against exact search with a sample of the vectors, each moved a little
    towards another one, so that the question is not itself in the index.
    """
    count, dimension = vectors.shape
    lists = min(count, int(2 * np.sqrt(count)))
    quantizer = faiss.IndexFlatIP(dimension)
    engine = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    engine.by_residual = False
    engine.cp.niter = 8
    engine.cp.spherical = True
    engine.cp.max_points_per_centroid = max(64, MAX_TRAINING // lists)
    engine.train(vectors)
    engine.add(vectors)
    queries = _sample_queries(vectors)
    depth = min(RECALL_AT, count)
    exact = exact_engine(vectors).search(queries, depth)[1]
    probes = min(8, lists)
    while True:
        chosen = _engines.SearchParametersIVF(nprobe=probes)
        found = engine.search(queries, depth, params=chosen)[1]
        recall = _overlap(exact, found)
        if recall >= wanted or probes >= lists:
            return engine, probes, recall
        probes = min(lists, probes + max(4, probes // 4))


def _overlap(exact: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    shared = [len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]
    return float(np.mean(shared) / exact.shape[1])


def _sample_queries(vectors: Vector) -> Vector:
    generator = np.random.default_rng(0)
    chosen = generator.choice(len(vectors), size=(2, min(SAMPLE_QUERIES, len(vectors))))
    mixed = 0.7 * vectors[chosen[0]] + 0.3 * vectors[chosen[1]]
    norms = np.linalg.norm(mixed, axis=1, keepdims=True)
    unit: Vector = (mixed / np.maximum(norms, 1e-9)).astype(np.float32)
    return unit


def _alive_part(block: Block, alive: NDArray[np.bool_] | None) -> tuple[Any, ...]:
    counts = np.diff(block.offsets)
    if alive is None:
        return block.keys, counts, block.rows, block.versions, block.documents
    rows = block.rows[_row_indices(block.offsets[:-1][alive], counts[alive])]
    return block.keys[alive], counts[alive], rows, block.versions[alive], block.documents[alive]


def _row_indices(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    firsts = np.concatenate(([0], np.cumsum(counts)[:-1])) if len(counts) else counts
    return np.repeat(starts - firsts, counts) + np.arange(int(counts.sum()))
