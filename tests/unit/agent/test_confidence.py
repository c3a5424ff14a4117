"""How sure is sure enough: more evidence never makes an answer less certain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.agent.confidence import ENOUGH, confidence
from citewell.agent.quoting import Sentence

CLEAR = Sentence(0, 0, 9, "It is so.", 3.0, 0.8, 1.0, 0.8)
VAGUE = Sentence(0, 0, 9, "It is so.", 1.0, 0.1, 0.0, 0.1)
WAYS = [(True, True), (False, True), (True, False), (False, False)]


def test_without_a_sentence_there_is_no_confidence() -> None:
    for has_matches, has_meaning in WAYS:
        assert confidence([], has_matches=has_matches, has_meaning=has_meaning) == 0


@pytest.mark.parametrize(("has_matches", "has_meaning"), WAYS)
def test_a_clear_sentence_is_enough_and_a_vague_one_is_not(
    has_matches: bool, has_meaning: bool
) -> None:
    given_ = {"has_matches": has_matches, "has_meaning": has_meaning}
    assert confidence([CLEAR], **given_) >= ENOUGH
    assert confidence([VAGUE] * 5, **given_) < ENOUGH
    assert confidence([VAGUE, CLEAR], **given_) >= confidence([CLEAR], **given_) - 1e-9


def test_a_model_that_does_not_know_the_language_says_nothing_by_its_cosines() -> None:
    near = replace(CLEAR, coverage=0.1, cosine=0.99, matches=0.99)
    assert confidence([near], has_matches=True, has_meaning=False) < ENOUGH
    worded = replace(VAGUE, coverage=1.0)
    assert confidence([worded], has_matches=True, has_meaning=False) >= ENOUGH


MEASURES = st.floats(0, 1, width=32)
SENTENCES = st.builds(
    lambda cosine, coverage, matches: Sentence(0, 0, 1, "x", 1.0, cosine, coverage, matches),
    MEASURES, MEASURES, MEASURES,
)  # fmt: skip


@given(
    scored=st.lists(SENTENCES, min_size=1, max_size=8),
    more=st.tuples(MEASURES, MEASURES, MEASURES),
    way=st.sampled_from(WAYS),
)
def test_a_better_best_sentence_never_makes_it_less_sure(
    scored: list[Sentence], more: tuple[float, float, float], way: tuple[bool, bool]
) -> None:
    has_matches, has_meaning = way
    first = scored[0]
    better = replace(
        first,
        cosine=max(first.cosine, more[0]),
        coverage=max(first.coverage, more[1]),
        matches=max(first.matches, more[2]),
    )
    before = confidence(scored, has_matches=has_matches, has_meaning=has_meaning)
    after = confidence([better, *scored[1:]], has_matches=has_matches, has_meaning=has_meaning)
    assert 0 <= before <= after + 1e-6
