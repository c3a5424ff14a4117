"""A projection as a search sees it: immutable, so that readers never lock and never wait."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from citewell.index.blocks import Block
from citewell.index.forward import Wanted
from citewell.index.index import EMPTY_KEYS, EMPTY_SCORES, DenseScores, Hits, Keys, Terms, Vector
from citewell.index.lexical import LexicalSnapshot

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Sealed blocks with masks of what is still alive in them, words, and a position.

    `position` is the last change number that is in it, `mark` what tells that change from any other
    of its number.
    """

    position: int
    blocks: tuple[tuple[Block, Mask | None], ...]
    lexical: LexicalSnapshot
    mark: str = ""

    @property
    def size(self) -> int:
        """How many chunks are searchable."""
        return sum(b.size if m is None else int(m.sum()) for b, m in self.blocks)

    @property
    def recall(self) -> float:
        """The least recall@10 against exact search that a block measured when it was built."""
        return min((block.recall for block, _ in self.blocks), default=1.0)

    @property
    def memory_bytes(self) -> int:
        """What it holds in memory; words, and vectors beside the engine, are on disk once saved."""
        per_chunk = 16 + 32 + 16
        return sum(b.size * (per_chunk + b.engine.sa_code_size()) for b, _ in self.blocks)

    def search_dense(self, query: Vector, count: int, allowed: Keys | None = None) -> Hits:
        """The `count` best chunks by cosine, of the `allowed` keys when given (ascending)."""
        found = [
            block.search(query, count, _restrict(block, mask, allowed))
            for block, mask in self.blocks
            if count > 0
        ]
        if not found:
            return Hits(EMPTY_KEYS, EMPTY_SCORES)
        keys = np.concatenate([hits.keys for hits in found])
        scores = np.concatenate([hits.scores for hits in found])
        best = np.argsort(-scores, kind="stable")[:count]
        return Hits(keys[best], scores[best])

    def search_lexical(self, terms: Terms, count: int, allowed: Keys | None = None) -> Hits:
        """The `count` best chunks by BM25, of the `allowed` keys when given."""
        return self.lexical.search(terms, count, allowed)

    def cosines(self, query: Vector, keys: Keys) -> DenseScores:
        """Cosines of any chunks, NaN for those that the projection does not hold."""
        whole = np.full(len(keys), np.nan, dtype=np.float32)
        window = whole.copy()
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            here = at >= 0
            if here.any():
                whole[here], window[here] = block.cosines(query, at[here])
        return DenseScores(whole, window)

    def whole_cosines(self, query: Vector, keys: Keys) -> Vector:
        """As `cosines`, of the whole chunks alone: a third of the reading."""
        whole = np.full(len(keys), np.nan, dtype=np.float32)
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            here = at >= 0
            if here.any():
                whole[here] = block.whole(at[here]) @ query
        return whole

    def bm25(self, terms: Terms, keys: Keys) -> Vector:
        """BM25 of any chunks, 0 where no term matches."""
        scores = np.zeros(len(keys), dtype=np.float32)
        wanted = self._wanted(terms)
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            here = at >= 0
            if wanted is not None and here.any():
                scores[here] = block.words.bm25(wanted, at[here])
        return scores

    def vectors(self, keys: Keys) -> Vector:
        """(n, dimension) vectors of the chunks that the projection holds, in its own order."""
        parts = []
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            if (at >= 0).any():
                parts.append(block.whole(at[at >= 0]))
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)

    def documents(self, keys: Keys) -> NDArray[np.void]:
        """(n,) 16-byte document ids; zero bytes for keys that the projection does not hold."""
        found = np.zeros(len(keys), dtype="V16")
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            found[at >= 0] = block.documents[at[at >= 0]]
        return found

    def keys_of(self, documents: Collection[UUID], most: int) -> Keys:
        """Up to `most` chunks of each of these documents, the first ones, ascending."""
        if not documents or not self.blocks:
            return EMPTY_KEYS
        wanted = np.array([document.bytes for document in documents], dtype="V16").view("S16")
        parts = []
        for block, mask in self.blocks:
            mine = block.documents.view("S16")
            chosen = np.isin(mine, wanted)
            at = np.flatnonzero(chosen if mask is None else chosen & mask)
            parts.append((block.keys[at], mine[at]))
        keys, owners = (np.concatenate(side) for side in zip(*parts, strict=True))
        # Documents that were taken in together have keys between each other's.
        order = np.lexsort((keys, owners))
        _, first, counts = np.unique(owners[order], return_index=True, return_counts=True)
        rank = np.arange(len(keys)) - np.repeat(first, counts)
        return np.sort(keys[order][rank < most])

    def keys(self) -> Keys:
        """Every searchable key, ascending."""
        parts = [b.keys if m is None else b.keys[m] for b, m in self.blocks]
        return np.sort(np.concatenate(parts)) if parts else EMPTY_KEYS

    def _wanted(self, terms: Terms) -> Wanted | None:
        counting = terms.weights
        if not counting or not self.blocks:
            return None
        named = list(counting)
        idf = np.stack([self.lexical.idf(named, "body"), self.lexical.idf(named, "fields")], axis=1)
        share = np.array([1, terms.field_weight], dtype=np.float32)
        weights = idf * share * np.fromiter(counting.values(), np.float32)[:, None]
        # Removed chunks count as long as their block holds them, as they do for the engine.
        lengths = np.sum([block.words.total for block, _ in self.blocks], axis=0)
        return Wanted.of(named, weights, lengths / sum(block.size for block, _ in self.blocks))


def _places(block: Block, mask: Mask | None, keys: Keys) -> NDArray[np.int64]:
    """Place of each key in the block, -1 when it is not there or removed."""
    at = block.positions(keys)
    return at if mask is None else np.where(mask[at], at, -1)


def _restrict(block: Block, mask: Mask | None, allowed: Keys | None) -> Mask | None:
    if allowed is None:
        return mask
    chosen = np.zeros(block.size, dtype=np.bool_)
    at = block.positions(allowed)
    chosen[at[at >= 0]] = True
    return chosen if mask is None else chosen & mask
