"""One fusion rule, and what may be added to it: pure functions over arrays of candidates.

`score = w · cos / max(cos) + (1 − w) · bm25 / max(bm25)`, each side divided by the question's own
maximum, both sides known for every candidate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from citewell.index.index import EMPTY_KEYS, EMPTY_SCORES, Keys, Vector
from citewell.index.picked import Picked
from citewell.index.snapshot import Snapshot
from citewell.retrieval.question import Asked

DEPTH = 100
LIFT = 0.5
FEEDBACK = 0.6
FEEDBACK_FROM = 3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks of one or more collections with their scores; all arrays have the same length.

    `origin` is the index of the collection that each came from, `added` what each stage after
    fusion gave or took: together with `fused` it makes up `final`.
    """

    keys: Keys
    origin: NDArray[np.int64]
    documents: NDArray[np.void]
    whole: Vector
    window: Vector
    bm25: Vector
    fused: Vector
    final: Vector
    added: Mapping[str, Vector] = field(default_factory=dict)

    @property
    def cosine(self) -> Vector:
        """The mean of the whole chunk and its best window."""
        return ((self.whole + self.window) / 2).astype(np.float32)

    def order(self) -> NDArray[np.int64]:
        """Places, best first; equal scores in order of key."""
        return np.lexsort((self.keys, -self.final))

    def rescored(self, stage: str, final: Vector) -> "Candidates":
        """The same candidates with the scores that a stage gives them."""
        added = {**self.added, stage: final - self.final}
        return replace(self, final=final, added=added)


NOTHING = Candidates(
    EMPTY_KEYS,
    EMPTY_KEYS,
    np.empty(0, dtype="V16"),
    EMPTY_SCORES,
    EMPTY_SCORES,
    EMPTY_SCORES,
    EMPTY_SCORES,
    EMPTY_SCORES,
)


def gather(
    snapshot: Snapshot,
    asked: Asked,
    vector: Vector | None,
    *,
    depth: int = DEPTH,
    allowed: Keys | None = None,
    also: Keys = EMPTY_KEYS,
) -> Candidates:
    """The union of the best by meaning, the best by words and `also`, both scores of each computed.

    Without `vector` or terms, or when a side has no weight, only the other side proposes.
    """
    keys = propose(snapshot, asked, vector, depth=depth, allowed=allowed)
    picked = snapshot.pick(np.union1d(keys, also) if len(also) else keys)
    found = unscored(picked, asked, vector)
    if vector is None:
        return found
    return _feed_back(picked, asked, vector, found)


def propose(
    snapshot: Snapshot,
    asked: Asked,
    vector: Vector | None,
    *,
    depth: int = DEPTH,
    allowed: Keys | None = None,
) -> Keys:
    """The best `depth` by words and the best `depth` by meaning, ascending."""
    words = by_words(snapshot, asked, depth=depth, allowed=allowed)
    if vector is None or (not asked.weight and len(words)):
        return words
    return np.union1d(words, snapshot.search_dense(vector, depth, allowed).keys)


def by_words(snapshot: Snapshot, asked: Asked, *, depth: int, allowed: Keys | None) -> Keys:
    """The best `depth` by words, ascending; those that were looked up before, if they were."""
    if asked.proposed is not None:
        return asked.proposed
    return np.unique(snapshot.search_lexical(asked.terms, depth, allowed).keys)


def unscored(picked: Picked, asked: Asked, vector: Vector | None) -> Candidates:
    """These chunks as candidates, both sides computed, not yet fused."""
    nothing = np.zeros(len(picked.keys), dtype=np.float32)
    whole = window = nothing
    if vector is not None:
        dense = picked.cosines(vector)
        # A key without a vector belongs to a document that is about to be gone.
        whole, window = (np.nan_to_num(side, nan=0.0) for side in (dense.whole, dense.window))
    bm25 = picked.bm25(asked.terms)
    origin = np.zeros(len(picked.keys), dtype=np.int64)
    return Candidates(
        picked.keys, origin, picked.documents(), whole, window, bm25, nothing, nothing
    )


def join(parts: list[Candidates]) -> Candidates:
    """The candidates of several collections as one list, to be fused anew."""
    if not parts:
        return NOTHING
    names = ("keys", "documents", "whole", "window", "bm25", "fused", "final")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    origin = np.repeat(np.arange(len(parts)), [len(part.keys) for part in parts])
    return Candidates(origin=origin, added={}, **arrays)


def fuse(found: Candidates, weight: float) -> Candidates:
    """Score by the fusion rule, with `weight` for the cosine; what stages added is forgotten."""
    scores = weight * _relative(found.cosine) + (1 - weight) * _relative(found.bm25)
    return replace(found, fused=scores, final=scores, added={})


def lift(found: Candidates, share: float = LIFT) -> Candidates:
    """Every chunk gains a share of the best score of its document."""
    _, place = np.unique(found.documents, return_inverse=True)
    best = np.zeros(int(place.max()) + 1 if len(place) else 0, dtype=np.float32)
    np.maximum.at(best, place, found.final)
    lifted = (found.final + share * best[place]) / (1 + share)
    return found.rescored("lift", lifted.astype(np.float32))


def _feed_back(picked: Picked, asked: Asked, vector: Vector, found: Candidates) -> Candidates:
    """Rocchio on the dense side: compare with a question that has moved towards the best.

    It is not looked for anew: what only the moved question finds is never among the first.
    """
    if not picked.parts or not asked.weight:
        return found
    best = fuse(found, asked.weight).order()[:FEEDBACK_FROM]
    moved = vector + FEEDBACK * picked.mean(best)
    moved = (moved / max(float(np.linalg.norm(moved)), 1e-9)).astype(np.float32)
    return replace(found, whole=np.nan_to_num(picked.whole_cosines(moved)))


def _relative(scores: Vector) -> Vector:
    positive = np.maximum(scores, 0)
    top = float(positive.max(initial=0.0))
    return (positive / top if top > 0 else positive).astype(np.float32)
