"""Questions that need two looks, without a model: from the name that the first one finds."""

import pytest

from citewell.agent.service import Agent
from citewell.domain.passages import Answer
from citewell.domain.run_events import AnswerFinished, Question, RunEvent, StepFinished
from tests.unit.retrieval.library import Book, Library

TEXTS = {
    "Silver Reef": "Silver Reef is a drama film of 1961. It was directed by Ada Bell.",
    "Ada Bell": "Ada Bell was a director of films. Ada Bell was born in Bergen. She was married to"
    " Ivo Lund.",
    "Ivo Lund": "Ivo Lund was a painter of ships. Ivo Lund was born in Visby on Gotland.",
    "Green Fjord": "Green Fjord is a comedy film of 1975. It was directed by Nils Aas.",
    "Nils Aas": "Nils Aas was a director of comedies. Nils Aas was born in Malmö in 1930.",
    "Harbour": "The harbour of Visby was built in 1850. It is used by fishing boats.",
}
PLAIN = ["plan", "retrieve", "judge", "answer", "verify"]
BRIDGED = ["plan", "retrieve", "retrieve#2", "judge", "answer", "verify"]


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


async def ask(
    agent: Agent, library: Library, books: dict[str, Book], text: str
) -> tuple[dict[str, StepFinished], Answer]:
    """The steps by name and the answer."""
    collections = tuple({book.collection_id for book in books.values()})
    events: list[RunEvent] = [
        event async for event in agent.run(library.reader, Question(text, collections))
    ]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    return {one.name: one for one in events if isinstance(one, StepFinished)}, last.answer


def cited(answer: Answer) -> set[str]:
    assert answer.grounded == 1
    return {citation.title for citation in answer.citations}


async def test_what_is_only_described_is_named_first_and_then_asked_about(
    agent: Agent, library: Library, books: dict[str, Book]
) -> None:
    question = "Where was the director of the film Silver Reef born?"
    steps, answer = await ask(agent, library, books, question)
    assert list(steps) == BRIDGED
    assert steps["retrieve#2"].details["bridged"] == "Ada Bell"
    assert "directed by Ada Bell" in answer.text
    assert "Ada Bell was born in Bergen" in answer.text
    assert cited(answer) == {"Silver Reef", "Ada Bell"}


async def test_a_description_inside_a_description_takes_two_bridges(
    agent: Agent, library: Library, books: dict[str, Book]
) -> None:
    question = "Where was the husband of the director of the film Silver Reef born?"
    steps, answer = await ask(agent, library, books, question)
    assert steps["retrieve#2"].details["bridged"] == "Ada Bell"
    assert "Ivo Lund" in str(steps["retrieve#3"].details["bridged"])
    assert "Ivo Lund was born in Visby" in answer.text
    assert "retrieve#4" not in steps


async def test_two_things_compared_by_a_description_are_both_followed(
    agent: Agent, library: Library, books: dict[str, Book]
) -> None:
    question = "Which film has the director who was born in Malmö, Silver Reef or Green Fjord?"
    steps, answer = await ask(agent, library, books, question)
    assert {"Ada Bell", "Nils Aas"} <= set(str(steps["retrieve#2"].details["bridged"]).split(", "))
    assert {"Ada Bell", "Nils Aas"} <= cited(answer)


@pytest.mark.parametrize(
    "question",
    [
        "When was the harbour of Visby built?",
        "Who was the director of the film Silver Reef?",
        "Where was the director of the film Purple Glacier born?",
    ],
)
async def test_a_plain_question_and_an_unknown_thing_cost_no_second_look(
    agent: Agent, library: Library, books: dict[str, Book], question: str
) -> None:
    steps, _ = await ask(agent, library, books, question)
    assert not any("bridged" in step.details for step in steps.values())
    assert list(steps)[:3] == PLAIN[:3]
