"""What is measured on each set, and what to reach: the table of the design, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from citewell.evaluation import metrics
from citewell.evaluation.sets import Question

Score = Callable[[list[str], Question], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over questions; `must` and `aim` are None where nothing is promised."""

    name: str
    score: Score
    must: float | None = None
    aim: float | None = None


def ndcg(must: float | None = None, aim: float | None = None) -> Measure:
    """nDCG@10."""
    return Measure("nDCG@10", lambda r, q: metrics.ndcg(r, q.relevant, 10), must, aim)


def hit(k: int, must: float | None = None, aim: float | None = None) -> Measure:
    """Whether one of the first `k` is relevant."""
    return Measure(f"hit@{k}", lambda r, q: metrics.hit(r, q.relevant, k), must, aim)


def recall(k: int, must: float | None = None, aim: float | None = None) -> Measure:
    """The share of the relevant among the first `k`."""
    return Measure(f"recall@{k}", lambda r, q: metrics.recall(r, q.relevant, k), must, aim)


def evidence(k: int, must: float | None = None, aim: float | None = None) -> Measure:
    """The share of the pieces of evidence of which one form is among the first `k`."""
    return Measure(
        f"evidence recall@{k}", lambda r, q: metrics.evidence_recall(r, q.evidence, k), must, aim
    )


GENERIC = (ndcg(), recall(10), Measure("MRR@10", lambda r, q: _mrr(r, q, 10)))

BY_SET: dict[str, tuple[Measure, ...]] = {
    "scifact": (ndcg(0.735, 0.755),),
    "cranfield": (ndcg(0.430, 0.46),),
    "squad": (hit(1, 0.82, 0.85), hit(5, 0.96, 0.975)),
    "xquad_en": (ndcg(0.969, 0.979),),
    "xquad_de": (ndcg(0.941, 0.951),),
    "xquad_ar": (ndcg(0.924, 0.934),),
    "xquad_hi": (ndcg(0.945, 0.955),),
    "xquad_zh": (ndcg(0.960, 0.970),),
    "product_docs": (
        Measure("P@3", lambda r, q: metrics.precision(r, q.relevant, 3), 0.48, 0.51),
        Measure("R@3", lambda r, q: _recall_of_all(r, q, 3), 0.77, 0.82),
        Measure("MRR@3", lambda r, q: _mrr(r, q, 3), 0.91, 0.955),
    ),
    "code": (recall(5, 0.85, 0.88), recall(10, 0.90, 0.93), recall(20, 0.93, 0.95)),
    "two_hop": (recall(2, None, 0.80), recall(5, 0.88, 0.96)),
    "multihop": (hit(10, 0.85, 0.88), evidence(10, 0.59, 0.66)),
}


def measures_of(name: str) -> tuple[Measure, ...]:
    """The measures of a set; nDCG@10, recall@10 and MRR@10 for one that is not known."""
    return BY_SET.get(name, GENERIC)


def _mrr(ranking: list[str], question: Question, k: int) -> float:
    return metrics.reciprocal_rank(ranking, question.relevant, k)


def _recall_of_all(ranking: list[str], question: Question, k: int) -> float:
    """Recall where some of the correct passages are not in the corpus, as was published."""
    found = sum(one in question.relevant for one in ranking[:k])
    return found / max(1, question.correct)
