"""From the model's token states to unit vectors: pure arithmetic."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from citewell.inference.embedding import Vector
from citewell.inference.wordpieces import Pass, Pool

Floats = NDArray[np.float32]
Sums = list[tuple[Pool, Vector]]


def unit(rows: Floats) -> Floats:
    """The rows at length 1."""
    lengths = np.sqrt(np.einsum("...i,...i->...", rows, rows))[..., None]
    made: Floats = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return made


def sum_pools(one: Pass, states: Floats) -> Sums:
    """What each pool of a pass adds up to; `states` is (length, dimension).

    Only directions matter later, so sums do for means.
    """
    return [(pool, states[pool.start : pool.end].sum(axis=0)) for pool in one.pools]


def pool_rows(sums: Iterable[tuple[Pool, Vector]], sizes: Sequence[int]) -> list[Floats]:
    """A (rows, dimension) array of unit rows for each text; `sizes` are their numbers of rows.

    A window without a token in it gets the row of the whole.
    """
    made: list[Floats | None] = [None] * len(sizes)
    for pool, vector in sums:
        rows = made[pool.text]
        if rows is None:
            rows = made[pool.text] = np.zeros((sizes[pool.text], len(vector)), dtype=np.float32)
        rows[pool.row] += vector
    return [_filled(rows) for rows in made if rows is not None]


def _filled(rows: Floats) -> Floats:
    bare = ~rows.any(axis=1)
    rows[bare] = rows[0]
    return unit(rows)
