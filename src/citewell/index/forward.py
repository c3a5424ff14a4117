"""The words of each chunk by its place: BM25 of chunks that are known already, without a search.

Of a term only a checksum of 32 bits is kept: a question's term is taken for another one of a
candidate less than once in ten thousand questions.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from citewell.index.index import Entry, Vector

# As the engine of words has them.
K1, B = 1.2, 0.75
MOST_TIMES = 255
SLICE = 4096
SIEVE = 1 << 14

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Terms of a question: their `hashes`, ascending, and `weights` (terms, 2) for body and fields.

    `averages` (2,) are the usual lengths, `sieve` is quick to tell what is no term of the question.
    """

    hashes: Hashes
    weights: Vector
    averages: Vector
    sieve: NDArray[np.bool_]

    @classmethod
    def of(cls, terms: Sequence[str], weights: Vector, averages: Vector) -> "Wanted":
        """In any order; `weights` are boosts times inverse document frequencies."""
        hashes = np.fromiter(map(_hash, terms), np.uint32, len(terms))
        order = np.argsort(hashes)
        sieve = np.zeros(SIEVE, dtype=np.bool_)
        sieve[hashes % SIEVE] = True
        return cls(hashes[order], weights[order], np.maximum(averages, 1e-9), sieve)


@dataclass(frozen=True, slots=True)
class Forward:
    """Of n chunks: `terms[starts[i] : starts[i + 1]]` are the distinct terms of chunk i.

    `counts` (terms, 2) says how often each is in the body and in the fields, at most `MOST_TIMES`,
    `lengths` (n, 2) how many terms these have in all, `total` (2,) how many all chunks have.
    """

    starts: Rows
    terms: Hashes
    counts: NDArray[np.uint8]
    lengths: NDArray[np.uint32]
    total: Rows = field(init=False)

    def __post_init__(self) -> None:
        """Summed once: every question asks for the average."""
        object.__setattr__(self, "total", self.lengths.sum(axis=0, dtype=np.int64))

    def bm25(self, wanted: Wanted, at: Rows) -> Vector:
        """Okapi BM25 of the chunks at these places."""
        starts = self.starts[at]
        counts = self.starts[at + 1] - starts
        places = row_indices(starts, counts)
        terms = self.terms[places]
        hit = np.flatnonzero(wanted.sieve[terms % SIEVE])
        which = np.searchsorted(wanted.hashes, terms[hit])
        which[which == len(wanted.hashes)] = 0
        same = wanted.hashes[which] == terms[hit]
        hit, which = hit[same], which[same]
        owner = np.searchsorted(np.cumsum(counts), hit, side="right")
        times = self.counts[places[hit]].astype(np.float32)
        length = K1 * (1 - B + B * self.lengths[at].astype(np.float32) / wanted.averages)
        gained = wanted.weights[which] * (K1 + 1) * times / (times + length[owner])
        return np.bincount(owner, gained.sum(1), len(at)).astype(np.float32)

    def take(self, at: Rows) -> "Forward":
        """The chunks at these places, in this order."""
        counts = np.diff(self.starts)[at]
        places = row_indices(self.starts[at], counts)
        return Forward(running(counts), self.terms[places], self.counts[places], self.lengths[at])


def forward_of(entries: Sequence[Entry]) -> Forward:
    """The words of these entries, of which there must be one, in their order."""
    # In slices: what is sorted at once is many times as large as what is kept.
    return join([_forward(entries[at : at + SLICE]) for at in range(0, len(entries), SLICE)])


def join(parts: Sequence[Forward]) -> Forward:
    """The chunks of all parts, one part after the other."""
    return Forward(
        running(np.concatenate([np.diff(part.starts) for part in parts])),
        np.concatenate([part.terms for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )


def running(counts: Rows) -> Rows:
    """(n + 1,) where each of n pieces begins, and where the last one ends."""
    ends: Rows = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def row_indices(starts: Rows, counts: Rows) -> Rows:
    """The rows of pieces that begin at `starts`, one piece after the other."""
    bounds = running(counts)
    return np.repeat(starts - bounds[:-1], counts) + np.arange(bounds[-1])


def _forward(entries: Sequence[Entry]) -> Forward:
    fields = [
        [getattr(entry, name).split() for entry in entries] for name in ("terms", "field_terms")
    ]
    lengths = np.array([[len(words) for words in texts] for texts in fields], dtype=np.uint32)
    hashes = np.fromiter(map(_hash, chain(*map(chain.from_iterable, fields))), np.uint64)
    owners = np.repeat(np.tile(np.arange(len(entries), dtype=np.uint64), 2), lengths.ravel())
    distinct, place = np.unique(owners << np.uint64(32) | hashes, return_inverse=True)
    body = int(lengths[0].sum())
    counts = [np.bincount(side, minlength=len(distinct)) for side in (place[:body], place[body:])]
    return Forward(
        running(np.bincount((distinct >> np.uint64(32)).astype(np.int64), minlength=len(entries))),
        (distinct & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        np.minimum(np.stack(counts, axis=1), MOST_TIMES).astype(np.uint8),
        lengths.T.copy(),
    )


@lru_cache(maxsize=1 << 16)
def _hash(term: str) -> int:
    return zlib.crc32(term.encode())
