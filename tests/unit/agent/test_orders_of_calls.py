"""What a model is asked first, what that saves, and that every call is within the run's limits."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from citewell.accounts.budgets import Budgets
from citewell.agent.bounds.limits import Limits
from citewell.agent.offer import Offer
from citewell.agent.service import Agent
from citewell.agent.writing.manner import Manner
from citewell.domain.passages import Answer
from citewell.domain.run_events import AnswerFinished, Noticed, Question, RunEvent, StepFinished
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from tests.contract.chat_server import Body, ChatServer, Reply, call, say
from tests.unit.agent.decisions import kind_of
from tests.unit.retrieval.library import Library

TEXTS = {
    "Lamps": "The beacon of Cape Ward was lit for the first time in 1874 by Ada Bell.",
    "Granite": "Granite is a hard rock that is cut in quarries.",
}
# Nothing near: no word of it stands in the texts, and it is too long to be plain.
ASKED = (
    "Tell me, if you would be so kind, since what year ships on their way home at night could rely"
    " upon that tower?"
)
FOUND = "When was the beacon of Cape Ward lit for the first time?"
PLAIN = "When was the beacon of Cape Ward lit?"
WRITTEN = "It was lit for the first time in 1874 by Ada Bell [1]."
PLAN = '{"route": "look_up"}'
Says = Mapping[str, str | Reply | Callable[[Body], Reply]]


@pytest.fixture
async def writer(server: ChatServer, database: Database) -> AsyncIterator[PaidChat]:
    price = (Decimal(1), Decimal(1))
    model = ModelChain((Link(await open_model("openai:m", Terms(server.base_url, price=price))),))
    yield PaidChat(model, Budgets(database).paying)
    await model.close()


@pytest.fixture
def agent(
    retrieval: Retrieval, embedder: BuiltinEmbedder, database: Database, writer: PaidChat
) -> Agent:
    return Agent(retrieval, embedder, Citations(database), writer, tools=Offer(enabled=True))


def kind(body: Body) -> str:
    rules = str(body["messages"][0]["content"])
    if rules.startswith("You check sentences"):
        return "judge"
    return "tools" if body.get("tools") else kind_of(body)


def saying(server: ChatServer, says: Says) -> Counter[str]:
    """Lets the server say this to each kind of request; the kinds that were asked, counted."""
    asked: Counter[str] = Counter()

    def answer(body: Body) -> Reply:
        asked[kind(body)] += 1
        said = says[kind(body)]
        if isinstance(said, str):
            return say(said, tokens=(100, 10))
        return said if isinstance(said, Reply) else said(body)

    server.answer = answer
    return asked


async def ask(agent: Agent, library: Library, text: str) -> tuple[list[RunEvent], Answer]:
    for title, said in TEXTS.items():
        await library.add(title, said)
    question = Question(text, (await library.collection(),))
    events = [event async for event in agent.run(library.reader, question)]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    return events, last.answer


def details(events: list[RunEvent]) -> dict[str, dict[str, Any]]:
    return {one.name: dict(one.details) for one in events if isinstance(one, StepFinished)}


async def test_what_a_review_has_found_makes_tools_needless(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    asked = saying(
        server,
        {
            "plan": PLAN, "review": f'{{"rewrite": "{FOUND}"}}', "answer": WRITTEN,
            "tools": call("search", {"query": FOUND}),
        },
    )  # fmt: skip
    _, answer = await ask(agent, library, ASKED)
    assert answer.answered
    assert answer.citations[0].title == "Lamps"
    assert asked == {"plan": 1, "review": 1, "answer": 1}


async def test_tools_come_where_the_review_finds_something_missing(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    def use(body: Body) -> Reply:
        searched = any(one["role"] == "tool" for one in body["messages"])
        return say("READY") if searched else call("search", {"query": FOUND})

    says: Says = {
        "plan": PLAN, "review": '{"missing": "The year."}', "answer": WRITTEN, "tools": use,
    }  # fmt: skip
    asked = saying(server, says)
    events, _ = await ask(agent, library, ASKED)
    assert asked == {"plan": 1, "review": 1, "tools": 2}
    assert details(events)["tool"]["tool"] == "search"


async def test_a_question_for_a_tool_asks_for_it_first_and_is_reviewed_where_it_gave_nothing(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    says = {
        "plan": PLAN, "tools": "READY", "review": f'{{"rewrite": "{FOUND}"}}', "answer": WRITTEN,
    }  # fmt: skip
    asked = saying(server, says)
    _, answer = await ask(agent, library, f"{ASKED[:-1]}, and how many days is that?")
    assert answer.answered
    assert asked == {"plan": 1, "tools": 1, "review": 1, "answer": 1}


async def test_tools_are_used_within_the_limits_of_the_run(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    says: Says = {
        "plan": PLAN, "review": '{"enough": true}', "answer": WRITTEN,
        "tools": call("search", {"query": "anything at all"}),
    }  # fmt: skip
    asked = saying(server, says)
    events, _ = await ask(replace(agent, limits=Limits(calls=4)), library, ASKED)
    # Plan and review; one of tools, and one is kept for the answer.
    assert (asked["plan"], asked["review"], asked["tools"]) == (1, 1, 1)
    assert sum(asked.values()) <= 4
    assert Noticed("tools_stopped", "limit") in events
    [said] = [one.message for one in events if isinstance(one, Noticed) and one.name == "budget"]
    assert "4 calls" in said


async def test_a_judge_has_what_the_run_has_left_and_the_answer_says_when_it_has_nothing(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    judging = replace(agent, manner=Manner(judge=True))
    asked = saying(server, {"answer": WRITTEN, "judge": "1: yes"})
    events, _ = await ask(judging, library, PLAIN)
    assert asked == {"answer": 1, "judge": 1}
    assert details(events)["verify"]["model"] == "openai:m"
    events, answer = await ask(replace(judging, limits=Limits(calls=1)), library, PLAIN)
    assert asked == {"answer": 2, "judge": 1}
    assert Noticed("degraded", "judge_unavailable") in events
    assert answer.answered


async def test_every_step_that_asks_a_model_says_what_it_has_cost(
    agent: Agent, library: Library, server: ChatServer
) -> None:
    says = {
        "plan": PLAN, "tools": "READY", "review": '{"missing": "The year."}', "answer": WRITTEN,
    }  # fmt: skip
    saying(server, says)
    events, _ = await ask(agent, library, ASKED)
    for name in ("plan", "review", "tools"):
        told = details(events)[name]
        assert (told["model"], told["tokens_in"], told["tokens_out"]) == ("openai:m", 100, 10)
        assert told["cost"] == pytest.approx(0.00011)
