"""Engines: FAISS over the whole-chunk vectors of a block, exact while small, trained once large.

A trained engine has inverted lists of codes, four bits for every four numbers (product
quantisation; André, Kermarrec, Le Scouarnec: "Cache locality is not enough", VLDB 2015). What codes
find is compared again by the vectors themselves.
"""

from collections.abc import Callable, Sequence
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from citewell.index.forward import Rows
from citewell.index.index import Vector

SAMPLE_QUERIES = 200
RECALL_AT = 10
MAX_TRAINING = 65_536
# A code is one of sixteen; FAISS warns of fewer than 39 examples for each.
CODED_FROM = 16 * 39
CODED_NUMBERS = 4
CODE_BITS = 4
# By codes the order is nearly right: the best are among the first three times as many.
WIDER = 3
LEAST_WIDE = 200

# Its type stubs know neither the keywords nor the arrays that its Python layer accepts.
_engines: Any = faiss


def bitmap(alive: NDArray[np.bool_]) -> Any:
    """FAISS's selector of the places that are true."""
    return _engines.IDSelectorBitmap(np.packbits(alive, bitorder="little"))


def exact_engine(vectors: Vector) -> Any:
    """Every vector is compared; float16."""
    engine = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    engine.add(vectors)
    return engine


def nearest(
    engine: Any, query: Vector, count: int, read: Callable[[Rows], Vector], given: dict[str, Any]
) -> tuple[Rows, Vector]:
    """Places and cosines of the `count` best, best first; `read` gives the vectors at places.

    `given` are parameters of FAISS.
    """
    # One question is too little to share: waking a second thread takes longer than it saves.
    _engines.omp_set_num_threads(1)
    coded = isinstance(engine, faiss.IndexIVFPQFastScan)
    kind = _engines.SearchParametersIVF if "nprobe" in given else _engines.SearchParameters
    asked = max(WIDER * count, LEAST_WIDE) if coded else count
    scores, found = engine.search(query[None, :], asked, params=kind(**given) if given else None)
    at, best = found[0][found[0] >= 0], scores[0][found[0] >= 0]
    if not coded:
        return at, best
    exact = read(at) @ query
    order = np.argsort(-exact, kind="stable")[:count]
    return at[order], exact[order]


def trained_engine(vectors: Vector, wanted: float) -> tuple[Any, int, float]:
    """Inverted lists with as many probes as `wanted` recall needs; (engine, probes, recall).

    Recall is measured against exact search with a sample of the vectors, each moved a little
    towards another one, so that the question is not itself in the index. Vectors whose codes never
    reach it are kept as they are, in float16.
    """
    queries = _sample_queries(vectors)
    depth = min(RECALL_AT, len(vectors))
    exact = exact_engine(vectors).search(queries, depth)[1]
    if len(vectors) >= CODED_FROM and vectors.shape[1] % CODED_NUMBERS == 0:
        engine = _trained(_coded(vectors.shape), vectors)
        probes, recall = _probes(engine, vectors, queries, exact, wanted)
        if recall >= wanted:
            return engine, probes, recall
    engine = _trained(_plain(vectors.shape), vectors)
    return engine, *_probes(engine, vectors, queries, exact, wanted)


def _probes(
    engine: Any, vectors: Vector, queries: Vector, exact: Rows, wanted: float
) -> tuple[int, float]:
    """The fewest probes that reach the recall `wanted`, or all; and the recall that they reach."""
    probes = min(8, engine.nlist)
    while True:
        given = {"nprobe": probes}
        depth = exact.shape[1]
        found = [nearest(engine, query, depth, vectors.__getitem__, given)[0] for query in queries]
        recall = _overlap(exact, found)
        if recall >= wanted or probes >= engine.nlist:
            return probes, recall
        probes = min(engine.nlist, probes + max(4, probes // 4))


def _coded(shape: tuple[int, ...]) -> Any:
    dimension = shape[1]
    return _engines.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dimension),
        dimension,
        _lists(shape),
        dimension // CODED_NUMBERS,
        CODE_BITS,
        faiss.METRIC_INNER_PRODUCT,
    )


def _plain(shape: tuple[int, ...]) -> Any:
    return _engines.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(shape[1]),
        shape[1],
        _lists(shape),
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
    )


def _lists(shape: tuple[int, ...]) -> int:
    return min(shape[0], int(2 * np.sqrt(shape[0])))


def _trained(engine: Any, vectors: Vector) -> Any:
    engine.by_residual = False
    engine.cp.niter = 8
    engine.cp.spherical = True
    engine.cp.max_points_per_centroid = max(64, MAX_TRAINING // engine.nlist)
    engine.train(vectors)
    engine.add(vectors)
    return engine


def _overlap(exact: Rows, found: Sequence[Rows]) -> float:
    shared = [len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]
    return float(np.mean(shared) / exact.shape[1])


def _sample_queries(vectors: Vector) -> Vector:
    generator = np.random.default_rng(0)
    chosen = generator.choice(len(vectors), size=(2, min(SAMPLE_QUERIES, len(vectors))))
    mixed = 0.7 * vectors[chosen[0]] + 0.3 * vectors[chosen[1]]
    norms = np.linalg.norm(mixed, axis=1, keepdims=True)
    unit: Vector = (mixed / np.maximum(norms, 1e-9)).astype(np.float32)
    return unit
