"""The clauses of a long question: each says something of its own that a passage may answer.

"Which company, reported by X, has done A, and according to Y has done B?" asks for passages that
hold A and for others that hold B; looked for as one, each half hides the other.
"""

import re
from collections.abc import Iterable, Iterator

from citewell.index.analyzer import analyze

Span = tuple[int, int]

MOST = 6
# Terms that a clause must have: what is shorter leans on its neighbour. "And" also joins words
# that belong together, so it separates only what could stand alone.
LEAST = 4
LEAST_BY_AND = 5

_ASKS = (
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|does|do|did|can|has|have|had"
    r"|wer|was|wann|wo|wie|warum|welche[rs]?|qui|que|quand|où|comment|quién|qué|cuándo|dónde|cómo)"
)
_SEPARATOR = re.compile(
    rf"[;:]\s+|,\s+(?:(?:and|but|while|whereas|or|und|aber|et|y)\s+)?"
    rf"|(?<!\s)\s+(?:(?:while|whereas|but|während|aber|mais|pero)\s+"
    rf"|(?:and|und|et|y)\s+(?={_ASKS}\b))",
    re.IGNORECASE,
)
_AND = re.compile(r"(?<!\s)\s+(?:and|und|et|y)\s+", re.IGNORECASE)


def clauses_of(question: str, language: str) -> tuple[Span, ...]:
    """Where the clauses of a question are, () when it is one thought or too many to tell apart."""
    found = [
        part
        for clause in _joined(question, _cut(question, (0, len(question)), _SEPARATOR), language)
        for part in _joined(question, _cut(question, clause, _AND), language, LEAST_BY_AND)
    ]
    return tuple(found) if 1 < len(found) <= MOST else ()


def _cut(question: str, span: Span, at: re.Pattern[str]) -> Iterator[Span]:
    start, end = span
    for between in at.finditer(question, start, end):
        yield start, between.start()
        start = between.end()
    yield start, end


def _joined(question: str, parts: Iterable[Span], language: str, least: int = LEAST) -> list[Span]:
    """Neighbours put together until each has at least `least` terms; the order stays."""
    found: list[Span] = []
    for start, end in parts:
        text = question[start:end]
        if not text.strip():
            continue
        before = question[slice(*found[-1])] if found else text
        if found and min(_terms(text, language), _terms(before, language)) < least:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def _terms(text: str, language: str) -> int:
    return len(analyze(text, language=language, question=True))
