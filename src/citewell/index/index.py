"""What a projection takes in and gives out; the words that every engine shares.

A projection serves one (collection, space). It is disposable: everything in it came from the
database and can come again. Keys are the database's own small integers for chunks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Vector = NDArray[np.float32]

# A question of a thousand words is asked with its first distinct ones.
MAX_TERMS = 128

EMPTY_KEYS: Keys = np.empty(0, dtype=np.int64)
EMPTY_SCORES: Vector = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk as an index sees it.

    `vectors` is (1 + windows, dimension), unit rows, the whole chunk first. `terms` and
    `field_terms` are separated by one space.
    """

    key: int
    document: UUID
    version: UUID
    terms: str
    field_terms: str
    vectors: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Hits:
    """Keys with scores, best first."""

    keys: Keys
    scores: Vector


@dataclass(frozen=True, slots=True)
class DenseScores:
    """Cosines of a question with chunks: (n,) for the whole, (n,) for the best window.

    A chunk without windows has its own cosine in both; one that the projection does not hold NaN.
    """

    whole: Vector
    window: Vector


@dataclass(frozen=True, slots=True)
class Terms:
    """The analysed question: terms with repeats, and the weight of the field beside the body.

    `parts` are pieces of names that the question writes as one word; they count `part_weight`.
    """

    body: Sequence[str]
    field_weight: float = 0.3
    parts: Sequence[str] = ()
    part_weight: float = 0.15

    @property
    def weights(self) -> dict[str, float]:
        """What each distinct term counts, the first `MAX_TERMS` of them."""
        found: dict[str, float] = dict(Counter(self.body))
        for part in self.parts:
            found.setdefault(part, self.part_weight)
        return dict(islice(found.items(), MAX_TERMS))


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How projections are built.

    Below `exact_below` chunks the search is exact; above it a trained index keeps recall@10 at
    `recall` or better against exact search, measured on the collection's own vectors.
    """

    exact_below: int = 20_000
    recall: float = 0.98
