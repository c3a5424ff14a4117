"""Measures: known values, worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.evaluation import metrics

RANKING = ["a", "b", "c", "d"]
IDS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
GRADES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), max_size=6)


def test_a_hit_is_any_relevant_one_among_the_first() -> None:
    assert metrics.hit(RANKING, {"c": 1}, 3) == 1
    assert metrics.hit(RANKING, {"c": 1}, 2) == 0
    assert metrics.hit([], {"c": 1}, 2) == 0


def test_recall_counts_the_relevant_and_precision_the_places() -> None:
    relevant = {"a": 1, "c": 2, "z": 1}
    assert metrics.recall(RANKING, relevant, 3) == pytest.approx(2 / 3)
    assert metrics.recall(RANKING, {}, 3) == 0
    assert metrics.precision(RANKING, relevant, 4) == pytest.approx(2 / 4)
    # Places that a short ranking leaves empty are not relevant either.
    assert metrics.precision(["a"], relevant, 4) == pytest.approx(1 / 4)


def test_evidence_is_found_in_any_of_its_forms_and_counted_once() -> None:
    evidence = [["a", "z"], ["b", "c"], ["y"]]
    assert metrics.evidence_recall(RANKING, evidence, 4) == pytest.approx(2 / 3)
    assert metrics.evidence_recall(RANKING, evidence, 1) == pytest.approx(1 / 3)
    assert metrics.evidence_recall(RANKING, [], 4) == 0


def test_the_reciprocal_rank_is_that_of_the_first_relevant_one() -> None:
    assert metrics.reciprocal_rank(RANKING, {"b": 1, "d": 1}, 4) == 1 / 2
    assert metrics.reciprocal_rank(RANKING, {"d": 1}, 3) == 0


def test_ndcg_is_one_for_the_ideal_order_and_falls_with_the_places() -> None:
    relevant = {"a": 3, "b": 2, "c": 1}
    assert metrics.ndcg(["a", "b", "c"], relevant, 3) == pytest.approx(1)
    gained = 1 + 2 / math.log2(3) + 3 / 2
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert metrics.ndcg(["c", "b", "a"], relevant, 3) == pytest.approx(gained / ideal)
    assert metrics.ndcg(["x", "a"], {"a": 1}, 10) == pytest.approx(1 / math.log2(3))
    # The ideal cannot gain more than k places hold.
    assert metrics.ndcg(["a"], {"a": 1, "b": 1, "c": 1}, 1) == pytest.approx(1)
    assert metrics.ndcg(RANKING, {}, 10) == 0


@given(ranking=IDS, relevant=GRADES, k=st.integers(1, 8))
def test_every_measure_lies_between_none_and_all(
    ranking: list[str], relevant: dict[str, int], k: int
) -> None:
    for measure in (
        metrics.hit,
        metrics.recall,
        metrics.precision,
        metrics.reciprocal_rank,
        metrics.ndcg,
    ):
        assert 0 <= measure(ranking, relevant, k) <= 1 + 1e-9
    best_first = sorted(relevant, key=lambda one: -relevant[one])
    assert metrics.ndcg(best_first, relevant, k) == pytest.approx(1.0 if relevant else 0.0)


def test_the_harmonic_mean_is_near_the_smaller_and_nothing_without_either() -> None:
    assert metrics.f1(0.5, 1.0) == pytest.approx(2 / 3)
    assert metrics.f1(0.0, 1.0) == 0
    assert metrics.f1(0.0, 0.0) == 0
    assert metrics.mean([1.0, 0.0]) == 0.5
    assert metrics.mean([]) == 0


@pytest.mark.parametrize(
    ("text", "answers", "does"),
    [
        ("It was the Norman conquest, in 1066.", ["norman Conquest"], True),
        ("It was the Norman conquest.", ["The Norman"], True),
        ("The Normans came.", ["Norman"], False),
        ("In 1066.", ["10"], False),
        ("Anything", ["the", ""], False),
        ("Anything", [], False),
        ("a well-known fact", ["wellknown"], True),
    ],
)
def test_an_answer_stands_in_a_text_whatever_its_case_articles_and_marks(
    text: str, answers: list[str], does: bool
) -> None:
    assert metrics.holds(text, answers) is does


def test_refusal_separates_perfectly_or_not_at_all() -> None:
    assert metrics.refusal([0.8, 0.9], [0.1, 0.2]).auroc == 1
    assert metrics.refusal([0.1, 0.2], [0.8, 0.9]).auroc == 0
    assert metrics.refusal([], [0.1]).auroc == 0
    assert metrics.refusal([0.1], []).auroc == 0


def test_equal_confidence_counts_half() -> None:
    assert metrics.refusal([0.5, 0.5], [0.5, 0.5, 0.5]).auroc == pytest.approx(0.5)
    # Of four pairs: two won, one tied, one lost.
    assert metrics.refusal([0.5, 0.9], [0.5, 0.6]).auroc == pytest.approx((0.5 + 0 + 1 + 1) / 4)


def test_at_the_threshold_no_more_than_the_given_share_is_answered_wrongly() -> None:
    unanswerable = [n / 100 for n in range(100)]
    found = metrics.refusal([0.2, 0.93, 0.95, 0.99], unanswerable, false=0.05)
    assert sum(c > found.threshold for c in unanswerable) == 5
    assert found.threshold == pytest.approx(0.94)
    assert found.answered == pytest.approx(0.5)


CONFIDENCES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12)


@given(answerable=CONFIDENCES, unanswerable=CONFIDENCES)
def test_the_area_is_the_share_of_pairs_in_the_right_order(
    answerable: list[float], unanswerable: list[float]
) -> None:
    pairs = [(a > u) + (a == u) / 2 for a in answerable for u in unanswerable]
    found = metrics.refusal(answerable, unanswerable)
    assert found.auroc == pytest.approx(sum(pairs) / len(pairs))
    assert sum(u > found.threshold for u in unanswerable) <= 0.05 * len(unanswerable)
