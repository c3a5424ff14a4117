"""Questions about the conversation are answered from it, word for word, and no others are."""

import pytest

from citewell.agent.follow_ups.recalling import MOST_QUOTED, recalled
from citewell.domain.conversations import Exchange

TURNS = [
    Exchange("When was the bridge opened?", "It was opened in 1932. [1]", answered=True),
    Exchange("Who built it?", "Bradfield built it. [2]", answered=True),
]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What did I ask before?", "Who built it?"),
        ("What was my last question?", "Who built it?"),
        ("What was my first question?", "When was the bridge opened?"),
        ("What did you say?", "Bradfield built it."),
        ("Was habe ich vorhin gefragt?", "Who built it?"),
        ("Was hast du geantwortet?", "Bradfield built it."),
        ("Qu'ai-je demandé ?", "Who built it?"),
        ("Quelle était ma première question ?", "When was the bridge opened?"),
        ("¿Qué te pregunté antes?", "Who built it?"),
        ("¿Cuál fue tu última respuesta?", "Bradfield built it."),
    ],
)
def test_what_was_said_is_repeated(question: str, said: str) -> None:
    told = recalled(question, TURNS)
    assert told is not None
    assert said in told
    assert "[" not in told


@pytest.mark.parametrize(
    "question",
    [
        "What have we talked about so far?",
        "Worüber haben wir gesprochen?",
        "¿De qué hemos hablado?",
    ],
)
def test_all_questions_are_listed(question: str) -> None:
    told = recalled(question, TURNS)
    assert told is not None
    assert told.splitlines()[1:] == [f"- {one.question}" for one in TURNS]


@pytest.mark.parametrize(
    "question",
    [
        "What did I ask before the court in 1932?",
        "What did Newton ask before?",
        "What did you say about the bridge in the report?",
        "When was the bridge opened?",
    ],
)
def test_a_question_to_the_documents_is_not_taken_for_one_about_the_conversation(
    question: str,
) -> None:
    assert recalled(question, TURNS) is None


def test_nothing_is_recalled_before_anything_was_said() -> None:
    assert recalled("What did I ask before?", []) is None
    assert "not answered" in (recalled("What did you say?", [Exchange("Why?")]) or "")


def test_what_was_said_is_a_value_and_never_a_pattern() -> None:
    odd = "{} {0} %s \\1 " + "x" * 9000
    told = recalled("What did I ask?", [Exchange(odd)])
    assert told is not None
    assert "{} {0} %s \\1" in told
    assert len(told) < MOST_QUOTED + 100
