"""How much of what a question asks for stands in a text, word for word."""

from collections.abc import Mapping

from citewell.domain.documents import TextKind
from citewell.index.analyzer import analyze


def coverage(
    weights: Mapping[str, float],
    text: str,
    *,
    language: str = "",
    kind: TextKind = TextKind.PROSE,
) -> float:
    """The share, 0–1, of the question's idf weight whose terms occur in `text`.

    `weights` are the question's analysed terms; no terms are covered by anything.
    """
    total = sum(weights.values())
    if total <= 0:
        return 1.0
    present = set(analyze(text, language=language, kind=kind))
    return sum(weight for term, weight in weights.items() if term in present) / total
