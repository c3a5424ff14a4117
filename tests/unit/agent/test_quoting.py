"""Which sentence says it: scored one by one, each in its own words."""

from dataclasses import replace

import pytest

from citewell.agent.quoting import score_sentences
from citewell.agent.reading import Near, Read
from citewell.agent.saying import sayings
from citewell.domain.passages import Passage, Scores
from tests.unit.agent.passages import passage

TERMS = {"treati": 3.0, "sign": 2.0}
TEXT = "The war lasted. The treaty was signed in Vienna. People danced."


def alike(*passages: Passage, cosine: float = 0.5, matches: float = 0.5) -> Read:
    """A reading that found every sentence equally near."""
    near = tuple(
        tuple(Near(span, cosine, matches) for span in sayings(one.text)) for one in passages
    )
    return Read(near, has_matches=True)


def first(question: str, *passages: Passage, terms: dict[str, float] | None = None) -> str:
    wanted = TERMS if terms is None else terms
    return score_sentences(question, wanted, passages, alike(*passages))[0].text


def test_every_sentence_is_scored_and_the_best_comes_first() -> None:
    one = passage(TEXT)
    found = score_sentences("Where was the treaty signed?", TERMS, [one], alike(one))
    assert [s.text for s in found[:1]] == ["The treaty was signed in Vienna."]
    assert sorted(s.start for s in found) == [start for start, _ in sayings(TEXT)]
    assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
    for scored in found:
        assert scored.text == TEXT[scored.start : scored.end]


def test_the_sentence_that_covers_the_words_of_the_question_wins() -> None:
    assert first("Where?", passage(TEXT)) == "The treaty was signed in Vienna."


def test_the_title_of_its_document_belongs_to_a_sentence() -> None:
    treaty = passage("It was ended in Vienna at last.", title="The signed treaty")
    other = passage("It was ended in Vienna at last.", title="The war")
    found = score_sentences("Where?", TERMS, [other, treaty], alike(other, treaty))
    assert [s.passage for s in found] == [1, 0]
    assert found[0].coverage > found[1].coverage


def test_of_two_passages_that_say_the_same_the_better_one_wins() -> None:
    worse = passage(TEXT, final=0.4)
    better = passage(TEXT, final=0.9)
    found = score_sentences("Where?", TERMS, [worse, better], alike(worse, better))
    assert found[0].passage == 1


def test_nearness_in_meaning_and_in_words_each_decide_between_equals() -> None:
    one = passage("It is red there. It is blue here.")
    red, blue = (Near(span, 0.5, 0.5) for span in sayings(one.text))
    for nearer in (replace(blue, cosine=0.8), replace(blue, matches=0.8)):
        found = Read(((red, nearer),), has_matches=True)
        assert score_sentences("What?", {}, [one], found)[0].text == "It is blue here."


def test_a_sentence_that_offers_what_is_asked_wins_among_equals() -> None:
    one = passage("The bridge was opened then. The bridge was opened in 1932.")
    assert first("When was the bridge opened?", one, terms={"bridg": 1.0}).endswith("1932.")
    turned = passage("The bridge was opened in 1932. The bridge was opened then.")
    assert first("When was the bridge opened?", turned, terms={"bridg": 1.0}).endswith("1932.")


@pytest.mark.parametrize("passages", [[], [passage("")], [passage("# Title")]])
def test_where_nothing_is_said_nothing_is_scored(passages: list[Passage]) -> None:
    assert score_sentences("Where?", TERMS, passages, alike(*passages)) == []


def test_passages_without_a_score_are_scored_too() -> None:
    one = replace(passage(TEXT), scores=Scores(final=0.0))
    assert len(score_sentences("Where?", TERMS, [one], alike(one))) == len(sayings(TEXT))
