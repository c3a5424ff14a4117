"""What kind of answer a question expects, and which sentences offer one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.expected import NEUTRAL, expectation

OFFERS = {
    "When was the bridge opened?": ("It was opened in 1932.", "It was opened with a ceremony."),
    "In what year did she win?": ("That was in 1911.", "That was in Stockholm."),
    "Which month is the coldest?": ("The coldest is January.", "The coldest is the longest."),
    "How many people live there?": ("Some 4,000 people live there.", "Many people live there."),
    "How long is the river?": ("It is two hundred miles long.", "It is a very long river."),
    "Who wrote the report?": ("The report is by Jane Doe.", "The report is by the committee."),
    "Where does the train end?": ("The train ends in Lyon.", "The train ends at the sea."),
    "Which city is the largest?": ("The largest is Lagos.", "The largest is in the south."),
    "Wann wurde die Brücke eröffnet?": ("Sie wurde 1932 eröffnet.", "Sie wurde spät eröffnet."),
    "Combien de gens vivent là?": ("On compte 4000 habitants.", "On compte peu de gens."),
}


@pytest.mark.parametrize(("question", "said"), OFFERS.items(), ids=range(len(OFFERS)))
def test_a_sentence_that_offers_what_is_asked_is_told_from_one_that_does_not(
    question: str, said: tuple[str, str]
) -> None:
    offers = expectation(question)
    assert (offers(said[0]), offers(said[1])) == (1.0, 0.0)


@pytest.mark.parametrize("question", ["Why is the sky blue?", "What is yeast?", "", "How?"])
def test_a_question_that_expects_nothing_in_particular_prefers_nothing(question: str) -> None:
    offers = expectation(question)
    assert offers("In 1932, Jane Doe of Lyon counted 7.") == offers("blue") == NEUTRAL


def test_what_the_question_says_itself_is_no_answer() -> None:
    assert expectation("Who was Jane Doe married to?")("Jane Doe was married.") == 0
    assert expectation("Who was Jane Doe married to?")("Jane Doe was married to John Roe.") == 1
    assert expectation("When, after 1914, was it built?")("After 1914 it was built.") == 0


def test_a_part_of_a_word_of_the_question_may_be_the_answer() -> None:
    assert expectation("How many people lived there in 1900?")("There were 19 people.") == 1
    assert expectation("How many were there in 1900?")("There, in 1900, were they.") == 0
    assert expectation("Who lived with Annabel?")("She lived with Ann.") == 1


@pytest.mark.parametrize(
    "said",
    ["We grew up there.", "It was late.", "“The house was old.", "- In a house.", "Le soir."],
)
def test_a_word_is_no_name_because_a_sentence_begins_with_it(said: str) -> None:
    assert expectation("Who built it?")(said) == 0


def test_a_number_may_begin_a_sentence() -> None:
    assert expectation("How many people came?")("Two came.") == 1


@pytest.mark.parametrize("said", ["Napoleon built it.", "The Romans built it.", "- Jane Doe"])
def test_a_name_may_begin_a_sentence(said: str) -> None:
    assert expectation("Who built it?")(said) == 1


@given(question=st.text(max_size=60), sentence=st.text(max_size=200))
def test_any_question_has_an_expectation_of_any_sentence(question: str, sentence: str) -> None:
    assert expectation(question)(sentence) in {0.0, NEUTRAL, 1.0}
