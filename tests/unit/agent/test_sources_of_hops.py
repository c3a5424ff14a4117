"""Hops that look in the records or on the web: a few words, for a hop that looks in documents."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from citewell.agent.offer import Offer
from citewell.agent.service import Agent
from citewell.domain.conversations import Exchange, Remembered
from citewell.domain.passages import Answer
from citewell.domain.principal import Scope
from citewell.domain.run_events import (
    AnswerFinished,
    Question,
    RunEvent,
    StepFinished,
    ToolCalled,
    ToolReturned,
)
from citewell.domain.tools.web import WebHit
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from tests.contract.chat_server import ChatServer
from tests.unit.agent.decisions import Decider, quoting
from tests.unit.agent.test_bridging import TEXTS
from tests.unit.retrieval.library import Book, Library

QUESTION = "Where was the person born whom the first of all documents by its title is about?"
NEXT = {"asks": "Where was {1} born?", "needs": [1], "source": "documents"}
SQL = {"sql": "SELECT min(title) FROM documents"}
ENOUGH = {"enough": True}


def plan(source: str, asks: str) -> dict[str, Any]:
    return {"route": "hops", "hops": [{"asks": asks, "source": source}, NEXT]}


RECORDS = plan("records", "Which title comes first?")
WEB = plan("web", "Who directed the film Silver Reef?")


@pytest.fixture
def searched() -> list[str]:
    """What the search engine was asked."""
    return []


@pytest.fixture
def agent(
    retrieval: Retrieval,
    embedder: BuiltinEmbedder,
    database: Database,
    writer: PaidChat,
    searched: list[str],
) -> Agent:
    async def search(words: str, limit: int) -> Sequence[WebHit]:
        searched.append(words)
        return [WebHit("https://films.example/", "Films", "It was directed by Ada Bell.")]

    offer = Offer(enabled=True, search=search)
    return Agent(retrieval, embedder, Citations(database), writer, tools=offer)


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


async def ask(
    agent: Agent, library: Library, books: dict[str, Book], *scopes: Scope, turns: int = 0
) -> tuple[list[RunEvent], dict[str, Any], Answer]:
    collections = tuple({book.collection_id for book in books.values()})
    who = replace(library.reader, scopes=library.reader.scopes | set(scopes))
    known = Remembered(turns=(Exchange("When was it built?", "In 1850."),) * turns)
    question = Question(QUESTION, collections, remembered=known)
    events = [event async for event in agent.run(who, question)]
    told = {one.name: dict(one.details) for one in events if isinstance(one, StepFinished)}
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    return events, told, last.answer


def decider(server: ChatServer, **says: Any) -> Decider:
    made = Decider({"review": ENOUGH, **says})
    server.answer = made
    return made


async def test_what_the_records_say_is_put_into_the_question_of_the_next_hop(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    made = decider(server, plan=RECORDS, records=SQL, hop=lambda body: quoting(body, r"(Ada Bell)"))
    events, told, answer = await ask(agent, library, books, Scope.DOCUMENTS_READ)
    assert "Sources: documents, records, web." in made.asked["plan"][0]
    [called] = [one for one in events if isinstance(one, ToolCalled)]
    assert (called.tool, SQL["sql"] in called.arguments) == ("query_records", True)
    assert told["retrieve#2"]["answer"] == "Ada Bell"
    assert told["retrieve#3"]["asks"] == "Where was Ada Bell born?"
    # The answer is written from documents: every footnote leads to one.
    assert answer.citations
    assert {one.title for one in answer.citations} <= TEXTS.keys()


async def test_what_the_web_says_is_put_into_the_question_of_the_next_hop(
    agent: Agent,
    library: Library,
    books: dict[str, Book],
    server: ChatServer,
    searched: list[str],
) -> None:
    decider(server, plan=WEB, hop=lambda body: quoting(body, r"directed by (\w+ \w+)"))
    _, told, _ = await ask(agent, library, books)
    assert searched == ["Who directed the film Silver Reef?"]
    assert told["retrieve#3"]["asks"] == "Where was Ada Bell born?"


async def test_nothing_that_was_read_is_sent_to_the_web_by_a_plan(
    agent: Agent,
    library: Library,
    books: dict[str, Book],
    server: ChatServer,
    searched: list[str],
) -> None:
    """Neither an answer of a hop nor what was said before on the ground of documents."""
    first = {"asks": "Who directed the film Silver Reef?"}
    leaks = {"asks": "What is known of {1}?", "needs": [1], "source": "web"}
    last = {"asks": "Where was {2} born?", "needs": [2]}
    decider(
        server,
        plan={"route": "hops", "hops": [first, leaks, last]},
        hop=lambda body: quoting(body, r"directed by (\w+ \w+)"),
    )
    events, told, _ = await ask(agent, library, books)
    assert told["retrieve#3"]["no_answer"] == "failed"
    decider(server, plan=WEB, hop=lambda body: quoting(body, r"directed by (\w+ \w+)"))
    again, told, _ = await ask(agent, library, books, turns=1)
    assert told["retrieve#2"]["no_answer"] == "failed"
    refused = [one for one in (*events, *again) if isinstance(one, ToolReturned)]
    assert [one.failed for one in refused] == [True, True]
    assert searched == []


async def test_the_records_are_offered_to_whom_they_may_be_shown(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    made = decider(server, plan=RECORDS)
    _, told, _ = await ask(agent, library, books)
    assert "Sources: documents, web." in made.asked["plan"][0]
    assert told["plan"]["no_plan"] == "invalid"


@pytest.mark.parametrize(
    ("said", "reason"),
    [("no JSON", "invalid"), ({"sql": "DROP TABLE documents"}, "failed"), ({"q": 1}, "invalid")],
)
async def test_a_statement_that_cannot_be_asked_leaves_the_question_to_the_documents(
    agent: Agent,
    library: Library,
    books: dict[str, Book],
    server: ChatServer,
    said: Any,
    reason: str,
) -> None:
    decider(server, plan=RECORDS, records=said)
    _, told, _ = await ask(agent, library, books, Scope.DOCUMENTS_READ)
    assert told["retrieve#2"]["no_answer"] == reason
    assert "retrieve#3" not in told
    assert told["verify"] is not None
