"""With a language model: it plans, short answers feed the next look, it reviews; limits end it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from citewell.accounts.budgets import Budgets
from citewell.agent.bounds.limits import Limits
from citewell.agent.service import Agent
from citewell.domain.passages import Answer
from citewell.domain.run_events import (
    AnswerFinished,
    Noticed,
    Question,
    RunEvent,
    StepFinished,
    StepStarted,
)
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.paid import PaidChat
from citewell.inference.retries import Patience
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from tests.contract.chat_server import SILENT, ChatServer, Reply, chat_server, fail
from tests.unit.agent.decisions import Decider, quoting
from tests.unit.agent.test_bridging import TEXTS
from tests.unit.retrieval.library import Book, Library

TWO_HOPS = (
    "Where was the person behind the direction of the film Silver Reef born, and in which year?"
)
PLAN = {
    "route": "hops",
    "hops": [
        {"asks": "Who directed the film Silver Reef?", "needs": [], "source": "documents"},
        {"asks": "Where was {1} born?", "needs": [1], "source": "documents"},
    ],
}
APART = {
    "route": "hops",
    "hops": [
        {"asks": "When was the harbour of Visby built?"},
        {"asks": "Where was Nils Aas born?"},
    ],
}
DIRECTED = r"directed by (\w+ \w+)"
ENOUGH = {"enough": True}


@pytest.fixture(scope="module")
def running() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
async def model(running: ChatServer, database: Database) -> AsyncIterator[PaidChat]:
    running.script.clear()
    running.heard.clear()
    price = (Decimal(1), Decimal(1))
    chain = ModelChain(
        (Link(await open_model("openai:scripted", Terms(running.base_url, price=price))),),
        Patience(2.0, 0.01, 0.01),
    )
    yield PaidChat(chain, Budgets(database).paying)
    await chain.close()


@pytest.fixture
def agent(
    retrieval: Retrieval, embedder: BuiltinEmbedder, database: Database, model: PaidChat
) -> Agent:
    return Agent(retrieval, embedder, Citations(database), model)


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


@pytest.fixture
def decides(running: ChatServer) -> Any:
    """Lets the server decide as it is told."""

    def set_to(**says: Any) -> Decider:
        running.answer = decider = Decider(says)
        return decider

    return set_to


async def ask(
    agent: Agent, library: Library, books: dict[str, Book], text: str = TWO_HOPS
) -> tuple[list[RunEvent], Answer]:
    collections = tuple({book.collection_id for book in books.values()})
    events = [event async for event in agent.run(library.reader, Question(text, collections))]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    return events, last.answer


def steps(events: list[RunEvent]) -> dict[str, dict[str, float | int | str]]:
    """The details of each step, in the order in which they ended; every step has ended once."""
    ended = {one.name: dict(one.details) for one in events if isinstance(one, StepFinished)}
    begun = [one.name for one in events if isinstance(one, StepStarted)]
    assert sorted(begun) == sorted(ended)
    return ended


def budget_notices(events: list[RunEvent]) -> list[str]:
    return [one.message for one in events if isinstance(one, Noticed) and one.name == "budget"]


async def test_the_answer_of_one_look_is_put_into_the_question_of_the_next(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    decider = decides(plan=PLAN, hop=lambda body: quoting(body, DIRECTED), review=ENOUGH)
    events, answer = await ask(agent, library, books)
    told = steps(events)
    assert (told["plan"]["route"], told["plan"]["hops"]) == ("hops", 2)
    assert told["retrieve#2"]["answer"] == "Ada Bell"
    assert told["retrieve#3"]["asks"] == "Where was Ada Bell born?"
    assert answer.answered
    # Only an answer that somebody waits for is asked of the model.
    assert [len(decider.asked[kind]) for kind in ("plan", "hop", "review")] == [1, 1, 1]


async def test_hops_that_need_nothing_are_looked_for_at_the_same_time(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    decider = decides(plan=APART, review=ENOUGH)
    events, _ = await ask(agent, library, books)
    names = [e.name for e in events if isinstance(e, StepStarted)]
    assert names[1:4] == ["retrieve", "retrieve#2", "retrieve#3"]
    ends = [n for n, event in enumerate(events) if isinstance(event, StepFinished)]
    begun = [e.name for e in events[: ends[1]] if isinstance(e, StepStarted)]
    assert begun == ["plan", "retrieve", "retrieve#2", "retrieve#3"]
    assert decider.asked["hop"] == []


@pytest.mark.parametrize(
    "said",
    ["I would search twice.", {"route": "hops", "hops": [{"asks": "Who?"}] * 5}, fail(400)],
)
async def test_a_plan_that_cannot_be_used_is_replaced_by_the_rules_and_the_step_says_so(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any, said: Any
) -> None:
    decides(plan=said)
    question = "Where was the director of the film Silver Reef born?"
    events, answer = await ask(agent, library, books, question)
    told = steps(events)
    assert told["plan"]["no_plan"] in {"invalid", "unavailable"}
    assert "route" not in told["plan"]
    # Without a plan, bridges are what they are without a model.
    assert told["retrieve#2"]["bridged"] == "Ada Bell"
    assert answer.answered


async def test_a_plan_that_comes_too_late_is_not_waited_for(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("citewell.agent.graph.SECONDS", 0.3)
    decides(plan=Reply(("{",), pause=0.05, stall_after=1))
    began = time.monotonic()
    events, answer = await ask(agent, library, books)
    assert steps(events)["plan"]["no_plan"] == "late"
    assert answer.text
    assert time.monotonic() - began < 10


async def test_a_plain_question_is_not_planned_by_a_model(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    decider = decides()
    events, answer = await ask(agent, library, books, "When was the harbour of Visby built?")
    assert steps(events)["plan"]["route"] == "look_up"
    assert answer.answered
    assert set(decider.asked) <= {"answer"}


async def test_a_short_answer_that_no_passage_says_feeds_nothing(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    said = {"answer": "Nils Aas", "passage": 1, "quote": "It was directed by Nils Aas."}
    decides(plan=PLAN, hop=said, review=ENOUGH)
    events, _ = await ask(agent, library, books)
    told = steps(events)
    assert (told["retrieve#2"]["answer"], told["retrieve#2"]["no_answer"]) == ("", "invalid")
    assert not any("born" in str(details.get("asks")) for details in told.values())


async def test_what_is_not_enough_is_looked_for_in_other_words(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    verdicts = iter([{"rewrite": "Where was Ivo Lund born?"}, ENOUGH])
    decides(plan=APART, review=lambda _: next(verdicts))
    events, answer = await ask(agent, library, books)
    told = steps(events)
    assert told["review"]["rewrite"] == "Where was Ivo Lund born?"
    assert told["retrieve#4"]["asks"] == "Where was Ivo Lund born?"
    assert list(told)[-7:] == [
        "judge", "review", "retrieve#4", "judge#2", "review#2", "answer", "verify",
    ]  # fmt: skip
    assert answer.answered


async def test_what_is_missing_is_said_and_nothing_more_is_looked_for(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    decides(plan=APART, review={"missing": "When the harbour was deepened."})
    events, _ = await ask(agent, library, books)
    told = steps(events)
    assert told["review"]["missing"] == "When the harbour was deepened."
    assert "retrieve#4" not in told


async def test_a_model_that_finds_everything_enough_opens_nothing(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    """The judge's threshold is the gate, whatever a model says."""
    decides(plan={"route": "look_up"}, review=ENOUGH)
    question = "What is the boiling point of mercury and the melting point of tungsten?"
    _, answer = await ask(agent, library, books, question)
    assert not answer.answered
    assert answer.citations == ()


async def test_a_model_that_always_wants_to_look_again_is_stopped(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    numbers = iter(range(1000))
    decider = decides(
        plan=APART, review=lambda _: {"rewrite": f"Where was Ada Bell born, {next(numbers)}?"}
    )
    events, answer = await ask(agent, library, books)
    assert len(decider.asked["review"]) == 2
    assert answer.answered
    assert list(steps(events))[-1] == "verify"


GREEDY = {
    "route": "hops",
    "hops": [
        {"asks": "Who directed the film Silver Reef?"},
        *({"asks": f"Who knows {{{n}}} {n}?", "needs": [n]} for n in (1, 2, 3)),
    ],
}


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (Limits(steps=6), "steps"),
        (Limits(calls=3), "calls"),
        (Limits(tokens=20_000), "tokens"),
        (Limits(money=Decimal("0.02")), "US dollars"),
    ],
)
async def test_a_run_ends_at_each_limit_with_an_answer_and_one_notice(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any,
    limits: Limits, word: str,
) -> None:  # fmt: skip
    numbers = iter(range(1000))
    decider = decides(
        plan=GREEDY,
        hop=lambda body: quoting(body, r"(Ada Bell)"),
        review=lambda _: {"rewrite": f"Where was Ada Bell born, {next(numbers)}?"},
    )
    decider.tokens = (3000, 100)
    limited = replace(agent, limits=limits)
    events, answer = await ask(limited, library, books)
    [notice] = budget_notices(events)
    assert word in notice
    assert answer.answered
    assert list(steps(events))[-1] == "verify"
    assert len(steps(events)) <= limits.steps
    asked = sum(len(prompts) for kind, prompts in decider.asked.items() if kind != "answer")
    assert asked < limits.calls


async def test_a_model_that_never_ends_does_not_hold_the_run(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    endless = Reply(tuple("x" * 100 for _ in range(5_000)))
    decides(plan=endless, hop=endless, review=endless)
    async with asyncio.timeout(30):
        events, answer = await ask(agent, library, books)
    assert steps(events)["plan"]["no_plan"] in {"invalid", "late"}
    assert answer.text


async def test_seconds_end_the_looking_too(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    decides(plan=SILENT)
    limited = replace(agent, limits=Limits(seconds=0.0))
    events, answer = await ask(limited, library, books)
    assert steps(events)["plan"]["no_plan"] == "limit"
    assert len(budget_notices(events)) == 1
    assert answer.text


async def test_a_team_retrieves_at_the_same_time_calculates_and_tells_the_writer(
    agent: Agent, library: Library, books: dict[str, Book], decides: Any
) -> None:
    def found(body: dict[str, Any]) -> dict[str, Any]:
        fjord = "is the film Green Fjord?" in str(body["messages"][-1]["content"])
        pattern = r"(Green Fjord is a comedy film of \d+)" if fjord else r"(a drama film of \d+)"
        return quoting(body, pattern)

    decider = decides(
        plan={
            "route": "team",
            "hops": [
                {"asks": "From which year is the film Silver Reef?"},
                {"asks": "From which year is the film Green Fjord?"},
            ],
        },
        hop=found,
        analyst={"expression": "1975 - 1961"},
        review=ENOUGH,
        answer="Silver Reef is of 1961 [1].",
    )
    question = "By how many years is the film Green Fjord younger than the film Silver Reef?"
    events, answer = await ask(agent, library, books, question)
    told = steps(events)
    assert told["plan"]["route"] == "team"
    assert {"retriever#1", "retriever#2", "analyst", "judge", "answer"} <= set(told)
    assert told["analyst"]["result"] == "1975 - 1961 = 14"
    [written] = decider.asked["answer"]
    assert "Worked out from what was found: 1975 - 1961 = 14" in written
    assert answer.answered
