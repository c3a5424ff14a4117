"""Entries to index, and the plain truth about them that an engine's answers are compared with."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from citewell.index.index import Entry, Hits, IndexSettings, Keys, Terms, Vector
from citewell.index.projection import Projection

DIMENSION = 16
WORDS = [f"word{i}" for i in range(60)]
K1, B = 1.2, 0.75

# The way to every engine's front door, and how small collections are told from large ones in it.
ENGINES = {
    "exact": IndexSettings(exact_below=10**9),
    "trained": IndexSettings(exact_below=64),
}


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens projections of one engine below a folder, and closes them at the end."""

    folder: Path
    settings: IndexSettings
    opened: list[Projection] = field(default_factory=list)

    def __call__(self, name: str = "projection") -> Projection:
        projection = Projection.open(self.folder / name, self.settings)
        self.opened.append(projection)
        return projection

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


@dataclass(slots=True)
class Sampler:
    """Draws entries and questions; vectors gather around a few centres, as those of texts do."""

    dice: np.random.Generator
    next_key: int = 1
    centres: Vector = field(init=False)

    def __post_init__(self) -> None:
        self.centres = self.dice.normal(size=(12, DIMENSION)).astype(np.float32)

    def vectors(self, count: int) -> Vector:
        """(count, DIMENSION) unit rows."""
        near = self.centres[self.dice.integers(0, len(self.centres), count)]
        rows = near + 0.7 * self.dice.normal(size=(count, DIMENSION))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def query(self) -> Vector:
        return self.vectors(1).reshape(DIMENSION)

    def terms(self, longest: int = 30) -> str:
        return " ".join(self.dice.choice(WORDS, self.dice.integers(1, longest)))

    def version(self, count: int) -> list[Entry]:
        """The entries of a new version of a new document."""
        document, version = (UUID(bytes=self.dice.bytes(16)) for _ in range(2))
        keys = range(self.next_key, self.next_key + count)
        self.next_key += count
        return [
            Entry(
                key,
                document,
                version,
                self.terms(),
                self.terms(5),
                self.vectors(1 + int(self.dice.integers(0, 4))).astype(np.float16),
            )
            for key in keys
        ]

    def versions(self, how_many: int, count: int = 8) -> list[list[Entry]]:
        return [self.version(count) for _ in range(how_many)]


@dataclass(slots=True)
class Truth:
    """What is indexed, in a dictionary, and what a search must therefore find."""

    entries: dict[int, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, versions: Iterable[Sequence[Entry]]) -> "Truth":
        return cls({entry.key: entry for version in versions for entry in version})

    def remove(self, version: UUID) -> None:
        self.entries = {k: e for k, e in self.entries.items() if e.version != version}

    def keys(self) -> list[int]:
        return sorted(self.entries)

    def cosine(self, query: Vector, key: int) -> tuple[float, float]:
        """Of the whole chunk, and of its best window (the whole when it has none)."""
        scores = self.entries[key].vectors.astype(np.float32) @ query
        return float(scores[0]), float(scores[1:].max() if len(scores) > 1 else scores[0])

    def nearest(self, query: Vector, count: int, among: Iterable[int] | None = None) -> list[int]:
        keys = self.keys() if among is None else sorted(set(among) & set(self.entries))
        return sorted(keys, key=lambda key: -self.cosine(query, key)[0])[:count]

    def bm25(self, terms: Terms) -> dict[int, float]:
        """The score of every chunk that some term matches."""
        scores: Counter[int] = Counter()
        for name, weight in (("terms", 1.0), ("field_terms", terms.field_weight)):
            texts = {k: getattr(e, name).split() for k, e in self.entries.items()}
            for key, score in _bm25(texts, terms.body):
                scores[key] += weight * score  # type: ignore[assignment]  # it adds floats too
        return dict(scores)


def _bm25(texts: dict[int, list[str]], asked: Sequence[str]) -> Iterator[tuple[int, float]]:
    average = sum(map(len, texts.values())) / max(1, len(texts))
    for term in asked:
        holders = {key: words.count(term) for key, words in texts.items() if term in words}
        weight = math.log(1 + (len(texts) - len(holders) + 0.5) / (len(holders) + 0.5))
        for key, times in holders.items():
            length = 1 - B + B * len(texts[key]) / average
            yield key, weight * times * (K1 + 1) / (times + K1 * length)


def fill(projection: Projection, versions: Sequence[Sequence[Entry]], *, at_once: int = 1) -> Truth:
    """Apply the versions, `at_once` in each change."""
    for start in range(0, len(versions), at_once):
        entries = [entry for version in versions[start : start + at_once] for entry in version]
        projection.apply(projection.snapshot.position + 1, [], entries)
    return Truth.of(versions)


def keys_of(entries: Iterable[int]) -> Keys:
    return np.array(sorted(entries), dtype=np.int64)


def same(left: Hits, right: Hits) -> bool:
    return bool(
        np.array_equal(left.keys, right.keys) and np.allclose(left.scores, right.scores, atol=1e-6)
    )


def overlap(expected: Sequence[int], found: NDArray[np.int64]) -> float:
    return len({*expected} & {*found.tolist()}) / max(1, len(expected))
