"""A projection as a search sees it: immutable, so that readers never lock and never wait."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from citewell.index.blocks import Block
from citewell.index.index import EMPTY_KEYS, EMPTY_SCORES, Hits, Keys, Terms, Vector
from citewell.index.lexical import LexicalSnapshot
from citewell.index.picked import Part, Picked

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

    def pick(self, keys: Keys) -> Picked:
        """Any chunks, to be scored; a key that the projection does not hold has no scores."""
        parts = []
        for block, mask in self.blocks:
            at = _places(block, mask, keys)
            where = np.flatnonzero(at >= 0)
            if len(where):
                parts.append(Part(block, where, at[where]))
        return Picked(keys, parts, self.lexical, self._averages())

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

    def _averages(self) -> Vector:
        # Removed chunks count as long as their block holds them, as they do for the engine.
        lengths = np.sum([block.words.total for block, _ in self.blocks], axis=0)
        count = max(1, sum(block.size for block, _ in self.blocks))
        usual: Vector = np.asarray(lengths / count, dtype=np.float32)
        return usual


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
