"""Chunks that are known by key, whatever proposed them: all their scores, from one reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from citewell.index.contents import Contents
from citewell.index.forward import Rows, Wanted, row_indices, running
from citewell.index.halves import widened
from citewell.index.index import DenseScores, Keys, Terms, Vector
from citewell.index.lexical import LexicalSnapshot


@dataclass(slots=True)
class Part:
    """Those of the picked chunks that one block holds: `where` among the keys, `at` in the block.

    `rows` are their vectors as the block has them, `counts` of each chunk, from `firsts` on; they
    are read when they are first asked for.
    """

    block: Contents
    where: Rows
    at: Rows
    counts: Rows = field(init=False)
    firsts: Rows = field(init=False)
    _rows: Vector | None = None

    def __post_init__(self) -> None:
        """Only the places are looked up."""
        self.counts = self.block.offsets[self.at + 1] - self.block.offsets[self.at]
        self.firsts = running(self.counts)[:-1]

    @property
    def rows(self) -> Vector:
        """(vectors of all the chunks, dimension)."""
        if self._rows is None:
            places = row_indices(self.block.offsets[self.at], self.counts)
            self._rows = widened(self.block.rows.take(places, axis=0))
        return self._rows

    def cosines(self, query: Vector) -> tuple[Vector, Vector]:
        """Of the whole, and of the best window; the whole stands in where there are none."""
        scores = self.rows @ query
        whole = scores[self.firsts]
        has_windows = self.counts > 1
        if not has_windows.any():
            return whole, whole
        scores[self.firsts[has_windows]] = -np.inf
        return whole, np.maximum.reduceat(scores, self.firsts)


@dataclass(frozen=True, slots=True)
class Picked:
    """Chunks by key, in the order of `keys`; what the projection does not hold is in no part.

    `averages` (2,) are the usual lengths of body and fields.
    """

    keys: Keys
    parts: Sequence[Part]
    lexical: LexicalSnapshot
    averages: Vector

    def cosines(self, query: Vector) -> DenseScores:
        """Cosines, NaN for what the projection does not hold."""
        whole = np.full(len(self.keys), np.nan, dtype=np.float32)
        window = whole.copy()
        for part in self.parts:
            whole[part.where], window[part.where] = part.cosines(query)
        return DenseScores(whole, window)

    def whole_cosines(self, query: Vector) -> Vector:
        """As `cosines`, of the whole chunks alone."""
        whole = np.full(len(self.keys), np.nan, dtype=np.float32)
        for part in self.parts:
            whole[part.where] = (part.rows @ query)[part.firsts]
        return whole

    def mean(self, places: Rows) -> Vector:
        """(dimension,) mean vector of the whole chunks at these places among the keys.

        Of those that the projection holds, zeros for none; it must hold one of the keys.
        """
        chosen = [part.rows[part.firsts[np.isin(part.where, places)]] for part in self.parts]
        rows = np.concatenate(chosen)
        mean: Vector = rows.sum(0) / np.float32(max(1, len(rows)))
        return mean

    def bm25(self, terms: Terms) -> Vector:
        """BM25, 0 where no term matches."""
        scores = np.zeros(len(self.keys), dtype=np.float32)
        wanted = self._wanted(terms)
        if wanted is not None:
            for part in self.parts:
                scores[part.where] = part.block.words.bm25(wanted, part.at)
        return scores

    def documents(self) -> NDArray[np.void]:
        """(n,) 16-byte document ids; zero bytes for what the projection does not hold."""
        found = np.zeros(len(self.keys), dtype="V16")
        for part in self.parts:
            found[part.where] = part.block.documents[part.at]
        return found

    def _wanted(self, terms: Terms) -> Wanted | None:
        counting = terms.weights
        if not counting or not self.parts:
            return None
        named = list(counting)
        idf = np.stack([self.lexical.idf(named, "body"), self.lexical.idf(named, "fields")], axis=1)
        share = np.array([1, terms.field_weight], dtype=np.float32)
        weights = idf * share * np.fromiter(counting.values(), np.float32)[:, None]
        return Wanted.of(named, weights, self.averages)
