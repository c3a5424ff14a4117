"""A block of chunks: immutable once made, searched by FAISS, read back by key.

The whole-chunk vectors are in a FAISS index (flat, float16; or inverted lists once large); the
same rows, their windows and the chunks' words lie beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.index.contents import Contents, contents_of, merged
from citewell.index.forward import Rows, row_indices, running
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
class Block(Contents):
    """Chunks with the engine that searches them; `probes` 0 means exact."""

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

    def positions(self, keys: Keys) -> Rows:
        """Place of each key in the block, -1 when absent."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        return np.where(self.keys[at] == keys, at, -1)

    def cosines(self, query: Vector, at: Rows) -> tuple[Vector, Vector]:
        """Of the chunks at these places: cosine of the whole, and of the best window."""
        starts = self.offsets[at]
        counts = self.offsets[at + 1] - starts
        firsts = running(counts)[:-1]
        scores = self.rows[row_indices(starts, counts)].astype(np.float32) @ query
        whole = scores[firsts]
        # The whole stands in for its windows where there are none.
        masked = scores.copy()
        masked[firsts[counts > 1]] = -np.inf
        return whole, np.maximum.reduceat(masked, firsts)

    def whole(self, at: Rows) -> Vector:
        """(n, dimension) vectors of the chunks at these places."""
        return self.rows[self.offsets[at]].astype(np.float32)


def make_block(entries: Sequence[Entry], settings: IndexSettings) -> Block:
    """A block of these entries, which must not be empty; the last of equal keys counts."""
    return assemble(contents_of(entries), settings)


def merge_blocks(
    blocks: Sequence[tuple[Block, NDArray[np.bool_] | None]], settings: IndexSettings
) -> Block | None:
    """One block of what is alive in these, or None when nothing is."""
    living = merged(
        [block if alive is None else block.take(np.flatnonzero(alive)) for block, alive in blocks]
    )
    return assemble(living, settings) if len(living.keys) else None


def assemble(held: Contents, settings: IndexSettings) -> Block:
    """Build the engine that fits the size."""
    vectors = held.rows[held.offsets[:-1]].astype(np.float32)
    if len(held.keys) < settings.exact_below:
        engine, probes, recall = exact_engine(vectors), 0, 1.0
    else:
        engine, probes, recall = trained_engine(vectors, settings.recall)
    return Block(
        held.keys,
        held.offsets,
        held.rows,
        held.versions,
        held.documents,
        held.words,
        engine,
        probes,
        recall,
    )


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


def _overlap(exact: Rows, found: Rows) -> float:
    shared = [len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]
    return float(np.mean(shared) / exact.shape[1])


def _sample_queries(vectors: Vector) -> Vector:
    generator = np.random.default_rng(0)
    chosen = generator.choice(len(vectors), size=(2, min(SAMPLE_QUERIES, len(vectors))))
    mixed = 0.7 * vectors[chosen[0]] + 0.3 * vectors[chosen[1]]
    norms = np.linalg.norm(mixed, axis=1, keepdims=True)
    unit: Vector = (mixed / np.maximum(norms, 1e-9)).astype(np.float32)
    return unit
