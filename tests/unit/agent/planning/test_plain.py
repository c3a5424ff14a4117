"""Questions that need no model to plan them."""

import pytest

from citewell.agent.planning.plain import is_plain


@pytest.mark.parametrize(
    "question",
    [
        "When was the harbour bridge opened?",
        "What is granite made of?",
        "Wann wurde die Brücke eröffnet?",
        "¿Cuándo se inauguró el puente?",
        "Quand le pont a été ouvert ?",
    ],
)
def test_a_short_question_about_one_thing_is_plain(question: str) -> None:
    assert is_plain(question)


@pytest.mark.parametrize(
    "question",
    [
        "Where was the director of the film Silver Reef born?",
        "Who is older, Ada Bell or Nils Aas?",
        "Is the harbour older than the lighthouse?",
        "When was the bridge opened and when was the lighthouse built?",
        "What is the total of all invoices of May?",
        "How much is 15% of the budget?",
        "Compare granite to basalt.",
        "Tell me about the harbour.",
        "What does the report say about the plans that the harbour board has made for the next ten"
        " years of its work?",
        "",
    ],
)
def test_what_compares_adds_up_describes_or_goes_on_is_not(question: str) -> None:
    assert not is_plain(question)
