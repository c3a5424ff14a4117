"""Names that passages give for a description."""

import pytest

from citewell.agent.planning.names import MOST_NAMES, mentions, names_for
from citewell.agent.planning.through import through
from tests.unit.agent.passages import passage

FILM = passage(
    "Silver Reef is a 1961 film produced by Carl Dorn. It was directed by Ada Bell and stars Emil"
    " Frost. It was shown in Oslo in June.",
    title="Silver Reef",
)
QUESTION = "Where was the director of film Silver Reef born?"


def names(question: str, *passages: object) -> list[str]:
    [described] = through(question)
    return [one.name for one in names_for(described, passages)]  # type: ignore[arg-type]  # Passages.


def test_the_name_beside_the_word_that_tells_the_role_comes_first() -> None:
    assert names(QUESTION, FILM)[0] == "Ada Bell"
    assert names(QUESTION.replace("director", "producer"), FILM)[0] == "Carl Dorn"


@pytest.mark.parametrize(
    ("question", "text", "name"),
    [
        ("When did Ada Bell's mother die?", "Ada Bell was a daughter of Greta Holm.", "Greta Holm"),
        ("Where was Ada Bell's husband born?", "Ada Bell married Ivo Lund.", "Ivo Lund"),
        ("Where was the founder of Acme Tools born?", "Acme Tools was founded by Jo Ek.", "Jo Ek"),
    ],
)
def test_a_role_is_told_in_other_words_too(question: str, text: str, name: str) -> None:
    assert names(question, passage(text))[0] == name


def test_nothing_is_named_where_nobody_speaks_of_the_thing() -> None:
    other = passage("Green Fjord was directed by Nils Aas.", title="Green Fjord")
    assert names(QUESTION, other) == []
    assert names(QUESTION) == []


def test_words_of_the_question_months_and_openers_are_no_names() -> None:
    text = "The director of Silver Reef was chosen in June. However Silver Reef won."
    assert names(QUESTION, passage(text)) == []


def test_there_are_never_many() -> None:
    crowd = " ".join(f"Silver Reef was directed by {c}ada {c}ell." for c in "ABCDEFGHIJKL")
    assert len(names(QUESTION, passage(crowd))) <= MOST_NAMES


def test_somebody_is_spoken_of_by_the_last_name_alone() -> None:
    assert mentions("Bell was born in Bergen.", "Ada Bell")
    assert not mentions("Ada Lund was born in Bergen.", "Ada Bell")
    assert not mentions("Bellamy was born there.", "Ada Bell")
    assert not mentions("anything", "…")
