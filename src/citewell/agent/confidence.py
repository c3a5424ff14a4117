"""How sure we are that the passages answer the question: calibrated once, on shipped data."""

from collections.abc import Sequence

from citewell.agent.quoting import Sentence

ENOUGH = 1.0
LOOKED_AT = 5


def confidence(scored: Sequence[Sentence]) -> float:
    """The best sum of meaning and covered words among the best sentences; 0 without any."""
    return max((s.cosine + s.coverage for s in scored[:LOOKED_AT]), default=0.0)
