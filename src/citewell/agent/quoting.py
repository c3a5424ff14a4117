"""The answer without a language model: which sentences of the passages say what was asked.

Every sentence is scored on its own: how near it is in meaning, how much of the question's words it
covers, how good its passage is, how well each word of the question finds a match in it, and whether
it offers the kind of thing that is asked for. Nothing is glued together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.agent.reading import Read
from citewell.domain.expected import expectation
from citewell.domain.passages import Passage
from citewell.retrieval.coverage import coverage

COSINE = 0.5
COVERAGE = 0.5
PASSAGE = 0.6
MATCHES = 1.5
EXPECTED = 0.1


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
    question: str, terms: Mapping[str, float], passages: Sequence[Passage], read: Read
) -> list[Sentence]:
    """Every sentence of the passages, best first; `terms` are the question's with their idf."""
    best = max((p.scores.final for p in passages), default=0.0) or 1.0
    offers = expectation(question)
    found: list[Sentence] = []
    for number, (passage, sentences) in enumerate(zip(passages, read.passages, strict=True)):
        for near in sentences:
            start, end = near.span
            text = passage.text[start:end]
            covered = coverage(
                terms, f"{passage.title} {text}", language=passage.language, kind=passage.kind
            )
            score = (
                COSINE * near.cosine
                + COVERAGE * covered
                + PASSAGE * passage.scores.final / best
                + MATCHES * near.matches
                + EXPECTED * offers(text)
            )
            found.append(
                Sentence(number, start, end, text, score, near.cosine, covered, near.matches)
            )
    return sorted(found, key=lambda s: -s.score)
