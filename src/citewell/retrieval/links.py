"""Mentions of other documents' titles are links: a question that needs two documents follows them.

The graph is local: what the best passages mention, and which passages mention them. Personalised
PageRank over it (damping .5) takes the hybrid scores as seeds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.domain.ids import DocumentId
from citewell.domain.words import MARKS, UNSPACED

DAMPING = 0.5
SHARPNESS = 4
ROUNDS = 15
BACKWARD = 0.5
KEEP_HYBRID = 0.3
MIN_KEY = 4
# Two characters of Chinese are a word like any other; a name has three or more.
MIN_UNSPACED = 3
MAX_KEY_WORDS = 12
# A title that many documents share names a topic, not a document.
MAX_NAMESAKES = 3

# Where words are written without spaces between them, every character is one.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}][\w{MARKS}]*?(?=[{UNSPACED}]|[^\w{MARKS}]|$)")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_QUALIFIER = re.compile(r"(?<!\s)\s*\([^()]*\)$")


@dataclass(frozen=True, slots=True)
class Titles:
    """Documents by the words of their title; `starts` holds the titles that begin with a word."""

    documents: Mapping[tuple[str, ...], tuple[DocumentId, ...]]
    starts: Mapping[str, tuple[tuple[str, ...], ...]]

    def mentioned(self, text: str) -> set[DocumentId]:
        """Documents whose title stands in `text`, the longest titles first.

        A single word counts only when it is long enough and names one document. Where there are
        capital letters, a title begins with one; where there are none, it may be any word, and an
        article or a particle that is written together with a word hides it (Arabic, Hebrew).
        """
        written = _WORD.findall(text)
        words = [word.lower() for word in written]
        found: set[DocumentId] = set()
        at = 0
        while at < len(words):
            # A title is a name: "latency" in a sentence does not point at a page called Latency.
            at += self._match(words, at, found) if _may_begin_a_name(written[at]) else 1
        return found

    def _match(self, words: Sequence[str], at: int, found: set[DocumentId]) -> int:
        for key in self.starts.get(words[at], ()):
            if tuple(words[at : at + len(key)]) == key:
                found.update(self.documents[key])
                return len(key)
        return 1


def titles_of(titles: Mapping[DocumentId, str]) -> Titles:
    """Titles by key: lower case, without a qualifier in brackets at the end."""
    documents: dict[tuple[str, ...], list[DocumentId]] = {}
    for document, title in titles.items():
        key = title_key(title)
        if _is_long_enough(key) and len(key) <= MAX_KEY_WORDS:
            documents.setdefault(key, []).append(document)
    named = {key: tuple(found) for key, found in documents.items() if _names(key, found)}
    starts: dict[str, list[tuple[str, ...]]] = {}
    for key in sorted(named, key=len, reverse=True):
        starts.setdefault(key[0], []).append(key)
    return Titles(named, {word: tuple(keys) for word, keys in starts.items()})


def _may_begin_a_name(word: str) -> bool:
    return word[0].isalpha() and not word[0].islower()


def _is_long_enough(key: Sequence[str]) -> bool:
    if all(_UNSPACED.match(word) for word in key):
        return len(key) >= MIN_UNSPACED
    return sum(map(len, key)) >= MIN_KEY


def _names(key: tuple[str, ...], found: Sequence[DocumentId]) -> bool:
    if len(key) > 1:
        return len(found) <= MAX_NAMESAKES
    return len(found) == 1 and len(key[0]) > MIN_KEY


def title_key(title: str) -> tuple[str, ...]:
    """The words of a title that are looked for in texts."""
    return tuple(_WORD.findall(_QUALIFIER.sub("", title).lower()))


def pagerank(
    scores: NDArray[np.float32], links: NDArray[np.float32], *, seeds: int = 20
) -> NDArray[np.float32]:
    """Scores after following links: (n,) hybrid scores and (n, n) links to (n,) new scores.

    The best `seeds` scores, sharpened, are where the walk restarts; the result is relative to its
    maximum plus a share of the hybrid score.
    """
    both = links + BACKWARD * links.T
    both = both / np.maximum(both.sum(1, keepdims=True), 1.0)
    restart = np.maximum(scores, 0) ** SHARPNESS
    if len(restart) > seeds:
        restart[np.argsort(-restart, kind="stable")[seeds:]] = 0
    restart = restart / max(float(restart.sum()), 1e-9)
    walk = restart.copy()
    for _ in range(ROUNDS):
        walk = (1 - DAMPING) * restart + DAMPING * (both.T @ walk)
    relative = walk / max(float(walk.max()), 1e-9)
    top = max(float(scores.max()), 1e-9)
    return (relative + KEEP_HYBRID * scores / top).astype(np.float32)
