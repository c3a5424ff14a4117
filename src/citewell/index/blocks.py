"""A block of chunks: immutable once made, searched by FAISS, read back by key.

The whole-chunk vectors are in an engine; the same rows, their windows and the chunks' words lie
beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from citewell.index.contents import Contents, contents_of, merged
from citewell.index.engines import bitmap, exact_engine, nearest, trained_engine
from citewell.index.forward import Rows
from citewell.index.halves import widened
from citewell.index.index import (
    EMPTY_KEYS,
    EMPTY_SCORES,
    Entry,
    Hits,
    IndexSettings,
    Keys,
    Vector,
)


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
        if alive is not None:
            given["sel"] = bitmap(alive)
        if self.probes:
            given["nprobe"] = min(probes, self.engine.nlist)
        at, scores = nearest(self.engine, query, count, self.whole, given)
        return Hits(self.keys[at], scores)

    def positions(self, keys: Keys) -> Rows:
        """Place of each key in the block, -1 when absent."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        return np.where(self.keys[at] == keys, at, -1)

    def whole(self, at: Rows) -> Vector:
        """(n, dimension) vectors of the chunks at these places."""
        return widened(self.rows.take(self.offsets[at], axis=0))


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
    vectors = widened(held.rows.take(held.offsets[:-1], axis=0))
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
