"""Coverage: the share of a question's words, weighed by how rare they are, that a text holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.documents import TextKind
from citewell.index.analyzer import analyze
from citewell.retrieval.coverage import coverage


def test_rare_words_count_for_more_than_common_ones() -> None:
    weights = {"capit": 1.0, "burkina": 3.0}
    assert coverage(weights, "The capital of Peru", language="en") == pytest.approx(0.25)
    assert coverage(weights, "In Burkina Faso", language="en") == pytest.approx(0.75)
    assert coverage(weights, "Capitals: Burkina", language="en") == pytest.approx(1)
    assert coverage(weights, "", language="en") == 0


def test_a_question_without_words_is_covered_by_anything() -> None:
    assert coverage({}, "anything") == 1
    assert coverage({"word": 0.0}, "nothing") == 1


def test_words_are_those_of_the_text_and_its_kind() -> None:
    german = dict.fromkeys(analyze("Verfassungen", language="de", question=True), 1.0)
    assert coverage(german, "Die Verfassung gilt.", language="de") > 0.8
    name = {"user": 1.0, "name": 1.0}
    assert coverage(name, "def getUserName():", kind=TextKind.CODE) == 1
    assert coverage(name, "def fetch():", kind=TextKind.CODE) == 0


WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])


@given(weights=st.dictionaries(WORDS, st.floats(0.1, 9), min_size=1),
       text=st.lists(WORDS, max_size=6), more=st.lists(WORDS, max_size=3))  # fmt: skip
def test_more_text_never_covers_less(
    weights: dict[str, float], text: list[str], more: list[str]
) -> None:
    less = coverage(weights, " ".join(text), language="xx")
    grown = coverage(weights, " ".join(text + more), language="xx")
    assert 0 <= less <= grown <= 1
    assert (grown == pytest.approx(1)) == (set(weights) <= {*text, *more})
