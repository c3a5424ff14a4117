"""The clauses of a long question: each says something of its own that a passage may answer.

"Which company, reported by X, has done A, and according to Y has done B?" asks for passages that
hold A and for others that hold B; looked for as one, each half hides the other.
"""

import re
from collections.abc import Iterable

from citewell.index.analyzer import analyze

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


def clauses_of(question: str, language: str) -> tuple[str, ...]:
    """The clauses of a question in order, () when it is one thought or too many to tell apart."""
    found = [
        part
        for clause in _joined(_SEPARATOR.split(question), language, LEAST)
        for part in _joined(_AND.split(clause), language, LEAST_BY_AND)
    ]
    return tuple(found) if 1 < len(found) <= MOST else ()


def _joined(parts: Iterable[str], language: str, least: int) -> list[str]:
    """Neighbours put together until each has at least `least` terms; the order stays."""
    found: list[str] = []
    for part in filter(str.strip, parts):
        lean = min(_terms(part, language), _terms(found[-1], language)) if found else least
        if lean < least:
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def _terms(text: str, language: str) -> int:
    return len(analyze(text, language=language, question=True))
