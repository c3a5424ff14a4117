"""Descriptions in questions: what has to be found before the question can be asked."""

import pytest

from citewell.agent.planning.through import MOST_CHARACTERS, through

DESCRIBED = {
    "Where was the composer of film Silver Reef born?": (
        "the composer of film Silver Reef", "Silver Reef", "Where was NAME born?",
    ),
    "When did Ada Bell's mother die?": ("Ada Bell's mother", "Ada Bell", "When did NAME die?"),
    "Where does the founder of Acme Tools live?": (
        "the founder of Acme Tools", "Acme Tools", "Where does NAME live?",
    ),
    "Who founded the company that makes the Falcon drill?": (
        "the company that makes the Falcon drill", "makes the Falcon drill", "Who founded NAME?",
    ),
    "Where was the wife of the director of Silver Reef born?": (
        "the director of Silver Reef", "Silver Reef", "Where was the wife of NAME born?",
    ),
}  # fmt: skip
PLAIN = [
    "Who is the director of Silver Reef?",
    "What is Ada Bell's father's name?",
    "When was the harbour bridge opened?",
    "What is the difference between granite and basalt?",
    "How do I change the owner of a collection?",
    "What is the order of the planets?",
    "Who was born first, Ada Bell or Ben Cole?",
    "",
    "?" * 50,
]


@pytest.mark.parametrize("question", DESCRIBED)
def test_what_is_described_is_found_and_can_be_replaced_by_its_name(question: str) -> None:
    described, thing, asked = DESCRIBED[question]
    [found] = through(question)
    assert (found.described, found.thing) == (described, thing)
    assert found.asked_of("NAME") == asked


@pytest.mark.parametrize("question", PLAIN)
def test_a_question_that_calls_everything_by_its_name_describes_nothing(question: str) -> None:
    assert through(question) == ()


@pytest.mark.parametrize(
    "question",
    [
        "Which film has the director who is older, Silver Reef or Green Fjord?",
        "Which film whose director is older, Silver Reef or Green Fjord?",
        "Do both films Silver Reef and Green Fjord have directors who are older?",
    ],
)
def test_two_things_that_are_compared_by_a_description_make_two(question: str) -> None:
    one, other = through(question)
    assert one.described == "the director of Silver Reef"
    assert other.described == "the director of Green Fjord"
    assert one.asked_of("Ada Bell").startswith("Ada Bell ")
    assert "older" in one.asked_of("Ada Bell")


def test_the_search_for_a_description_has_an_end() -> None:
    for piece in ("the director of Film ", "A's mother's ", "A of the ", "the film that "):
        assert len(through(piece * 1000)) == 0
        assert len(through((piece * 1000)[:MOST_CHARACTERS])) <= 1
