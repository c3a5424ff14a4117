"""Measures of retrieval and of answers: pure functions over rankings.

A ranking is a list of ids, best first, without repeats; `relevant` maps ids to grades above 0.
"""

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Ranking = Sequence[str]
Relevant = Mapping[str, int]

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def hit(ranking: Ranking, relevant: Relevant, k: int) -> float:
    """1 when one of the first `k` is relevant."""
    return float(any(one in relevant for one in ranking[:k]))


def recall(ranking: Ranking, relevant: Relevant, k: int) -> float:
    """The share of the relevant that is among the first `k`."""
    return sum(one in relevant for one in ranking[:k]) / max(1, len(relevant))


def evidence_recall(ranking: Ranking, evidence: Sequence[Sequence[str]], k: int) -> float:
    """The share of the pieces of evidence of which one form is among the first `k`."""
    first = set(ranking[:k])
    return mean([float(not first.isdisjoint(forms)) for forms in evidence])


def precision(ranking: Ranking, relevant: Relevant, k: int) -> float:
    """The share of the first `k` that is relevant."""
    return sum(one in relevant for one in ranking[:k]) / k


def reciprocal_rank(ranking: Ranking, relevant: Relevant, k: int) -> float:
    """1 / place of the first relevant among the first `k`, else 0."""
    return next((1 / n for n, one in enumerate(ranking[:k], start=1) if one in relevant), 0.0)


def ndcg(ranking: Ranking, relevant: Relevant, k: int) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), linear gain."""
    gained = sum(relevant.get(one, 0) / math.log2(n + 2) for n, one in enumerate(ranking[:k]))
    best = sorted(relevant.values(), reverse=True)[:k]
    ideal = sum(grade / math.log2(n + 2) for n, grade in enumerate(best))
    return gained / ideal if ideal else 0.0


def f1(precision_: float, recall_: float) -> float:
    """The harmonic mean."""
    return 2 * precision_ * recall_ / (precision_ + recall_) if precision_ + recall_ else 0.0


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in `text`, as SQuAD compares (articles, case, marks)."""
    said = f" {normal(text)} "
    return any(f" {normal(answer)} " in said for answer in answers if normal(answer))


def normal(text: str) -> str:
    """Lower case, without punctuation, articles and extra space."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


@dataclass(frozen=True, slots=True)
class Refusal:
    """How well confidence separates what can be answered from what cannot.

    `answered` is the share of answerable questions still answered when 5 % of the others are.
    """

    auroc: float
    answered: float
    threshold: float


def refusal(
    answerable: Sequence[float], unanswerable: Sequence[float], *, false: float = 0.05
) -> Refusal:
    """Area under the ROC curve, and the answered share at `false` wrongly answered."""
    ranked = sorted([(c, 1) for c in answerable] + [(c, 0) for c in unanswerable])
    ranks, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        middle = (at + 1 + end) / 2
        ranks += middle * sum(kind for _, kind in ranked[at:end])
        at = end
    n, m = len(answerable), len(unanswerable)
    auroc = (ranks - n * (n + 1) / 2) / (n * m) if n and m else 0.0
    threshold = sorted(unanswerable, reverse=True)[int(false * m)] if m else 0.0
    return Refusal(auroc, mean([float(c > threshold) for c in answerable]), threshold)
