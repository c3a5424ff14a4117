"""A question that leans on the one before it is completed; one that stands alone never changes."""

import pytest

from citewell.agent.follow_ups.completing import complete
from citewell.agent.follow_ups.leaning import lean
from citewell.agent.follow_ups.tongues import tongue_of
from citewell.domain.conversations import Exchange

FAUST = "Faust was written by Johann Wolfgang von Goethe. [1] It is a play. [2]"

LEANING = [
    ("What was the revenue of Acme in 2018?", "And in 2019?", "of Acme in 2019?"),
    ("What was the revenue of Acme?", "And in 2019?", "What was the revenue of Acme in 2019?"),
    ("What does the Widget 3 weigh?", "What about its price?", "its price (Widget 3)?"),
    ("What is the capital of France?", "And of Germany?", "What is the capital of Germany?"),
    ("What is the capital of France?", "How about Germany?", "What is the capital of Germany?"),
    ("What is Faust?", "Who wrote it?", "Who wrote it (Faust)?"),
    ("When was the harbour bridge opened?", "Why?", "Why was the harbour bridge opened?"),
    ("When was the harbour bridge opened?", "Who paid for it?", "for it (harbour bridge)?"),
    ("What is the harbour bridge?", "What was the name of its founder?", "(harbour bridge)?"),
    ("How old is Ada?", "Where did she work?", "Where did she work (Ada)?"),
    ("Wann wurde Goethe geboren?", "Wo ist er gestorben?", "Wo ist er gestorben (Goethe)?"),
    ("Wie hoch war der Umsatz von Siemens 2018?", "Und 2019?", "Umsatz von Siemens 2019?"),
    ("Was kostet das Modell Alpha?", "Was ist mit seinem Gewicht?", "Gewicht (Modell Alpha)?"),
    ("Quand Victor Hugo est-il né ?", "Où est-il mort ?", "Où est-il mort (Victor Hugo)?"),
    ("Quel est le prix du modèle Alpha ?", "Et son poids ?", "Et son poids (Alpha)?"),
    ("Quelles étaient les ventes de Renault en 2018 ?", "Et en 2019 ?", "de Renault en 2019 ?"),
    ("¿Cuál es la capital de Francia?", "¿Cuál es su población?", "población (Francia)?"),
    ("¿Cuáles fueron las ventas de Seat en 2018?", "¿Y en 2019?", "ventas de Seat en 2019?"),
]
ALONE = [
    "What is the capital of France?",
    "And what is the capital of France?",
    "How does a company file its taxes?",
    "Which university has its origins in a school?",
    "What methods does BufferedWriter override from its parent class?",
    "Where did Tesla live for much of his life?",
    "Before he died, what did Tesla's father ask him to do?",
    "Is it true that granite is hard?",
    "How long does it take to cross the bay?",
    "What is it called when a government is overthrown?",
    "What does oxygen do when it is heated?",
    "What time is it in Lisbon?",
    "How many chloroplast lineages are there?",
    "What university won the award for Most IT enabled organisation?",
    "Who is Bob?",
    "What is photosynthesis?",
    "Gibt es ein Modell Beta?",
    "Können Sie mir sagen, wo die Sonne aufgeht?",
    "Was ist mit Normalkräften verbunden?",
    "Worum ging es in den Gerichtsverfahren?",
    "Pourquoi le ciel est-il bleu ?",
    "Est-il possible de rendre un article ?",
    "¿Cómo se llama la capital de Portugal?",
    "?!",
    "",
]


@pytest.mark.parametrize(("first", "second", "wanted"), LEANING)
def test_what_leans_is_looked_for_with_what_it_leans_on(
    first: str, second: str, wanted: str
) -> None:
    found = complete(second, [Exchange(first)])
    assert found.endswith(wanted)
    assert found != second


@pytest.mark.parametrize("question", ALONE)
def test_what_stands_alone_is_looked_for_as_it_is(question: str) -> None:
    before = Exchange("When was the harbour bridge in Sydney opened?", "In 1932. [1]", True)
    assert lean(question, tongue_of(question)) is None
    assert complete(question, [before]) == question


@pytest.mark.parametrize("question", [second for _, second, _ in LEANING])
def test_a_first_question_never_changes(question: str) -> None:
    assert complete(question, []) == question


def test_whom_an_answer_has_named_can_be_asked_about() -> None:
    turns = [Exchange("Who wrote Faust?", FAUST, answered=True)]
    assert "Johann Wolfgang von Goethe" in complete("When was he born?", turns)


def test_a_refusal_names_nobody() -> None:
    said = "The documents do not answer this. I looked for “Who wrote Faust?” in Weimar."
    turns = [Exchange("Who wrote Faust?", said, answered=False)]
    assert complete("When was he born?", turns) == "When was he born (Faust)?"


def test_a_chain_of_follow_ups_still_knows_what_it_began_with() -> None:
    turns = [
        Exchange("What does the Widget 3 weigh?"),
        Exchange("And its price?"),
        Exchange("Who makes it?"),
    ]
    assert complete("Since when?", turns) == "Since when makes it (Widget 3)?"
    assert "Widget 3" in complete("Where is it sold?", turns)


def test_a_name_that_the_question_holds_is_not_added_again() -> None:
    turns = [Exchange("What is Faust?")]
    assert complete("Who wrote it, is it Faust?", turns) == "Who wrote it, is it Faust?"


def test_long_and_hostile_texts_take_no_time() -> None:
    turns = [Exchange("What is " + "A b " * 2000, "Of " * 3000, answered=True)] * 6
    for question in ("it " * 2500, "And " * 2000, "¿" * 5000, "What about " + "x" * 7000):
        assert len(complete(question, turns)) < 20_000
