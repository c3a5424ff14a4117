"""A library on a real database, an agent that counts its runs, and caches before it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import pytest

from citewell.agent.desk import Desk
from citewell.agent.service import Agent
from citewell.chat.answering import Answerer
from citewell.chat.caching.cached_agent import CachedAgent
from citewell.chat.caching.local_answers import LocalAnswers
from citewell.chat.caching.nearness import Nearness
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, Question, RunEvent, StepStarted
from citewell.domain.runs.approvals import Decision
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from tests.unit.agent.conftest import embedder, library, retrieval
from tests.unit.retrieval.library import Book, Library

__all__ = ["embedder", "library", "retrieval"]

TEXTS = {
    "Harbour bridge": "The harbour bridge crosses the bay. The harbour bridge was opened in 1932"
    " by the governor. It carries trains and cars.",
    "Lighthouse": "The lighthouse stands on a cliff. The lighthouse was built in 1871 of granite.",
}
OPENED = "When was the harbour bridge opened?"


@dataclass(slots=True)
class Counting:
    """The agent, counting how often it is asked."""

    agent: Answerer
    asked: list[str] = field(default_factory=list)

    async def run(
        self, principal: Principal, question: Question, desk: Desk | None = None
    ) -> AsyncGenerator[RunEvent]:
        self.asked.append(question.text)
        async for event in self.agent.run(principal, question, desk):
            yield event

    def go_on(
        self, principal: Principal, decision: Decision, desk: Desk
    ) -> AsyncGenerator[RunEvent]:
        return self.agent.go_on(principal, decision, desk)


@pytest.fixture
def agent(retrieval: Retrieval, embedder: BuiltinEmbedder, database: Database) -> Counting:
    return Counting(Agent(retrieval, embedder, Citations(database)))


@pytest.fixture
def cache(agent: Counting, database: Database, retrieval: Retrieval) -> CachedAgent:
    answers = LocalAnswers(1 << 24, 600.0)
    return CachedAgent(agent, database, retrieval.projections, answers, "as it is")


@pytest.fixture
def near(cache: CachedAgent, embedder: BuiltinEmbedder) -> CachedAgent:
    """One that answers what was asked in other words, too."""
    nearness = Nearness(embedder, 0.95)
    return CachedAgent(
        cache.agent, cache.database, cache.projections, cache.answers, "as it is", nearness
    )


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


async def ask(
    cache: Answerer, principal: Principal, book: Book, text: str = OPENED
) -> list[RunEvent]:
    question = Question(text, (book.collection_id,))
    return [event async for event in cache.run(principal, question)]


def steps(events: list[RunEvent]) -> list[str]:
    return [event.name for event in events if isinstance(event, StepStarted)]


def said(events: list[RunEvent]) -> str:
    assert isinstance(events[-1], AnswerFinished)
    return events[-1].answer.text
