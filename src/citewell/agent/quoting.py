"""The answer without a language model: which sentences of the passages say what was asked.

Every sentence is scored on its own: how near it is in meaning, how much of the question's words it
covers, how good its passage is, how well each word of the question finds a match in it, and whether
it offers the kind of thing that is asked for. Nothing is glued together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.agent.expected import expectation
from citewell.domain.passages import Passage
from citewell.domain.sentences import Span, sentences
from citewell.inference.embedding import TokenStates, Vector
from citewell.retrieval.coverage import coverage

COSINE = 0.5
COVERAGE = 0.5
PASSAGE = 0.6
MATCHES = 1.5
EXPECTED = 0.1
MIN_WORDS = 2

_HEADING = re.compile(r"#{1,6}\s|[^\n]{1,200}\n(?:=+|-+)[ \t]*(?:\n|$)")
_WORD = re.compile(r"[^\W_]{2,}")

# Stop words and punctuation of the question look for matches too, but quietly.
QUIET = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its text, vector, token states with weights, and idf weight of its terms."""

    text: str
    vector: Vector
    states: TokenStates
    terms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of passage number `passage`; offsets are relative to the passage's text."""

    passage: int
    start: int
    end: int
    text: str
    score: float
    cosine: float
    coverage: float
    matches: float


def score_sentences(
    asked: Asked, passages: Sequence[Passage], states: Sequence[TokenStates]
) -> list[Sentence]:
    """Every sentence of the passages, best first.

    `states` are those of each passage's text; a sentence's vector is the mean of its own tokens,
    which know their passage.
    """
    best = max((p.scores.final for p in passages), default=0.0) or 1.0
    offers = expectation(asked.text)
    weights = _token_weights(asked)
    found: list[Sentence] = []
    for number, (passage, tokens) in enumerate(zip(passages, states, strict=True)):
        similar = asked.states.states @ tokens.states.T
        for start, end in sayings(passage.text):
            mine = _inside(tokens, start, end)
            text = passage.text[start:end]
            near = _cosine(asked.vector, tokens.states[mine])
            matches = float(similar[:, mine].max(1) @ weights) if mine.any() else 0.0
            covered = coverage(
                asked.terms,
                f"{passage.title} {text}",
                language=passage.language,
                kind=passage.kind,
            )
            score = (
                COSINE * near
                + COVERAGE * covered
                + PASSAGE * passage.scores.final / best
                + MATCHES * matches
                + EXPECTED * offers(text)
            )
            found.append(Sentence(number, start, end, text, score, near, covered, matches))
    return sorted(found, key=lambda s: -s.score)


def sayings(text: str) -> list[Span]:
    """The sentences of `text` that say something: no headings, rules or bare links."""
    return [
        (start, end)
        for start, end in sentences(text)
        if not _HEADING.match(text, start) and len(_WORD.findall(text, start, end)) >= MIN_WORDS
    ]


def _token_weights(asked: Asked) -> NDArray[np.float32]:
    words = [asked.text[start:end] for start, end in asked.states.spans]
    known = " ".join(asked.terms)
    weights = np.array(
        [1.0 if w.isalnum() and (w.lower()[:4] in known) else QUIET for w in words],
        dtype=np.float32,
    )
    return weights / max(float(weights.sum()), 1e-9)


def _inside(tokens: TokenStates, start: int, end: int) -> NDArray[np.bool_]:
    return np.array([a >= start and b <= end for a, b in tokens.spans], dtype=np.bool_)


def _cosine(vector: Vector, states: NDArray[np.float32]) -> float:
    if not len(states):
        return 0.0
    mean = states.mean(0)
    return float(mean @ vector / max(float(np.linalg.norm(mean)), 1e-9))
