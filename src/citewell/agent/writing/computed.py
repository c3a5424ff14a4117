"""What a model says of results, held to them: no footnote can point to a result.

A sentence with a figure, a name or an address that neither the results nor the question hold is
doubtful, and so is one whose words are mostly in neither.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.passages import Doubt, DoubtReason
from citewell.retrieval.grounding.facts import FactKind, Holdings, holdings
from citewell.retrieval.grounding.judging import lacking
from citewell.retrieval.grounding.statements import statements_of

# Words that mean something, of scripts that put spaces between them.
_WORD = re.compile(r"[a-zß-ɏͰ-Ͽа-я]{4,}")
MOST_UNKNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """What does not hold, and the share of the sentences that does, 1 for no sentence."""

    doubts: tuple[Doubt, ...]
    share: float


def held(text: str, known: Sequence[str]) -> Held:
    """Each sentence of `text` against the `known` texts."""
    statements = statements_of(text)
    facts, words = holdings(known), "\n".join(known).lower()
    doubts = tuple(
        Doubt(one.start, one.end, reason)
        for one in statements
        if (reason := _failing(one.text, facts, words)) is not None
    )
    return Held(doubts, 1 - len(doubts) / len(statements) if statements else 1.0)


def _failing(sentence: str, facts: Holdings, words: str) -> DoubtReason | None:
    missing = lacking(sentence, facts, tuple(FactKind))
    if missing is not None:
        return missing
    said = _WORD.findall(sentence.lower())
    unknown = sum(word not in words for word in said)
    return DoubtReason.NOT_COMPUTED if unknown > MOST_UNKNOWN * len(said) else None
