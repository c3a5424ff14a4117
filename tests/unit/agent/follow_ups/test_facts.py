"""Facts that people want kept in mind: told back, put where a question leans on them, no more."""

import pytest

from citewell.agent.follow_ups.facts import acknowledged, filled, told_back
from citewell.chat.noting import fact_in
from citewell.domain.conversations import Keeping, Noted

FACTS = ["my car is a Widget 3", "mein Haus ist die Villa Alpha", "I live in Berlin"]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What does my car weigh?", "What does my car weigh (a Widget 3)?"),
        ("Wie alt ist mein Haus?", "Wie alt ist mein Haus (die Villa Alpha)?"),
    ],
)
def test_what_is_mine_is_looked_for_by_its_name(question: str, wanted: str) -> None:
    assert filled(question, FACTS) == wanted


@pytest.mark.parametrize(
    "question",
    ["What does a car weigh?", "What does my bike weigh?", "Is my car a Widget 3?", "My?", ""],
)
def test_a_question_without_something_known_of_mine_stays_as_it_is(question: str) -> None:
    assert filled(question, FACTS) == question


def test_facts_are_told_to_whoever_asks_for_them_and_for_nothing_else() -> None:
    told = told_back("What do you know about me?", FACTS)
    assert told is not None
    assert told.splitlines()[1:] == [f"- {fact}" for fact in FACTS]
    assert told_back("What is my car?", FACTS) is not None
    assert told_back("What is my name?", FACTS) is None
    assert told_back("What do you know about me?", []) is None
    assert told_back("What do you know about the lighthouse?", FACTS) is None


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("Remember that my car is red.", "my car is red."),
        ("please remember: tea, not coffee", "tea, not coffee"),
        ("Keep in mind that I work at night", "I work at night"),
        ("Merk dir, dass mein Auto rot ist", "mein Auto rot ist"),
        ("Souviens-toi que j'aime le thé", "j'aime le thé"),
        ("Recuerda que vivo en Madrid", "vivo en Madrid"),
        ("Remember that day at sea?", None),
        ("What does the report say I should remember that matters?", None),
        ("Remember", None),
        ("Remember that", None),
    ],
)
def test_a_fact_is_what_follows_the_wish_and_a_question_is_none(
    said: str, fact: str | None
) -> None:
    assert fact_in(said) == fact


@pytest.mark.parametrize("keeping", Keeping)
def test_everybody_is_told_in_their_language_what_became_of_it(keeping: Keeping) -> None:
    noted = Noted("mein Auto ist {} rot", keeping)
    said = acknowledged(noted, "Merk dir, dass mein Auto rot ist und nicht blau.")
    assert said != acknowledged(noted, "Please remember that the car is what it is.")
    assert ("mein Auto ist {} rot" in said) == (keeping is Keeping.KEPT)


def test_a_fact_is_never_a_pattern_and_takes_no_time() -> None:
    hostile = ["my (a+)+$ is " + "x " * 200, "my " + "a " * 240 + "is", "mi " * 160]
    for question in ("my " * 2000, "What is my (a+)+$?", "What is my " + "a" * 5000 + "?"):
        assert len(filled(question, hostile)) < 20_000
        told_back(question, hostile)
