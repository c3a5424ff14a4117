"""A language model writes, every sentence is checked, and without it answers are quoted."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from citewell.accounts.budgets import Budgets
from citewell.agent.prompts.answering import Variant
from citewell.agent.service import Agent
from citewell.agent.writing.manner import Manner
from citewell.domain.allowances import Period
from citewell.domain.conversations import Exchange, Remembered
from citewell.domain.passages import Answer
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.run_events import (
    AnswerFinished,
    Noticed,
    Question,
    RunEvent,
    SourcesFound,
    StepFinished,
    TextProduced,
)
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from tests.contract.chat_server import SILENT, ChatServer, Reply, fail, say
from tests.unit.agent.test_agent import OPENED, TEXTS, UNANSWERABLE
from tests.unit.retrieval.library import Book, Library

GOOD = "The harbour bridge was opened in 1932 by the governor [1]. It carries trains and cars [1]."


@pytest.fixture
def agent(
    retrieval: Retrieval, embedder: BuiltinEmbedder, database: Database, writer: PaidChat
) -> Agent:
    return Agent(retrieval, embedder, Citations(database), writer)


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


async def ask(
    agent: Agent, library: Library, books: dict[str, Book], text: str = OPENED
) -> tuple[list[RunEvent], Answer]:
    collection = next(iter(books.values())).collection_id
    question = Question(text, (collection,))
    events = [event async for event in agent.run(library.reader, question)]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    return events, last.answer


def text_of(events: list[RunEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextProduced))


def notices(events: list[RunEvent]) -> list[Noticed]:
    return [event for event in events if isinstance(event, Noticed)]


def details(events: list[RunEvent], name: str) -> dict[str, float | int | str]:
    (step,) = (e for e in events if isinstance(e, StepFinished) and e.name == name)
    return dict(step.details)


async def test_what_the_model_writes_streams_and_every_sentence_is_checked(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(GOOD, tokens=(400, 20)))
    events, answer = await ask(agent, library, books)
    assert (answer.text, answer.answered, answer.grounded) == (GOOD, True, 1.0)
    assert answer.doubts == ()
    assert answer.degraded == ()
    assert text_of(events) == GOOD
    assert sum(isinstance(event, TextProduced) for event in events) > 5
    kinds = [type(event) for event in events]
    assert kinds.index(SourcesFound) < kinds.index(TextProduced)
    book = books["Harbour bridge"]
    for citation in answer.citations:
        assert citation.verified
        assert book.text[citation.start : citation.end] == citation.quote
    told = details(events, "answer")
    assert (told["model"], told["tokens_in"], told["tokens_out"]) == ("openai:scripted", 400, 20)
    assert told["prompt"] == "instruction"
    assert len(str(told["prompt_sha256"])) == 64


async def test_what_the_passages_do_not_support_is_shown_and_marked(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    wrong = (
        "The harbour bridge was opened in 1933 [1]. It was pretty."
        " It carries trains and cars [1, 9]."
    )
    server.script.append(say(wrong))
    events, answer = await ask(agent, library, books)
    assert text_of(events) == answer.text == wrong.replace("[1, 9]", "[1][9]")
    reasons = [doubt.reason.value for doubt in answer.doubts]
    assert reasons == ["unsupported_number", "no_citation", "unknown_mark"]
    assert [citation.verified for citation in answer.citations] == [False, True]
    assert answer.grounded == pytest.approx(1 / 3)
    assert answer.answered


async def test_the_model_may_say_that_the_documents_do_not(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say("NOT_IN_DOCUMENTS The passages do not say who paid for it."))
    events, answer = await ask(agent, library, books)
    assert (answer.answered, answer.reason) == (False, "not_in_documents")
    assert answer.text == text_of(events) == "The passages do not say who paid for it."
    assert answer.related
    assert answer.citations == ()
    assert answer.doubts == ()
    server.script.append(say("NOT_IN_DOCUMENTS"))
    events, answer = await ask(agent, library, books)
    assert (answer.answered, answer.text) == (False, text_of(events))
    assert answer.text.startswith("The documents that were found do not say it.")


async def test_a_part_that_is_missing_does_not_take_the_rest_with_it(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(f"{GOOD}\nNOT_IN_DOCUMENTS They do not say who paid for it."))
    _, answer = await ask(agent, library, books)
    assert answer.answered
    assert answer.text == f"{GOOD}\nThey do not say who paid for it."
    assert (answer.grounded, answer.doubts) == (1.0, ())


async def test_with_nothing_near_no_model_is_asked(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    _, answer = await ask(agent, library, books, UNANSWERABLE)
    assert (answer.answered, answer.reason) == (False, "nothing_near")
    assert server.requests == []


@pytest.mark.parametrize(
    "reply",
    [fail(500), fail(401, "no such key"), say(""), say("<think>Only thoughts"), say("  \n ")],
    ids=["broken", "refused", "empty", "thoughts", "blank"],
)
async def test_without_a_usable_answer_the_documents_are_quoted_and_it_is_said(
    agent: Agent,
    library: Library,
    books: dict[str, Book],
    server: ChatServer,
    reply: Reply,
) -> None:
    server.script += [reply] * 5
    events, answer = await ask(agent, library, books)
    assert answer.answered
    assert answer.text.startswith("The harbour bridge was opened in 1932 by the governor. [")
    assert text_of(events) == answer.text
    assert answer.grounded == 1
    assert answer.degraded == ("model_unavailable",)
    assert notices(events) == [Noticed("degraded", "model_unavailable")]


async def test_an_answer_that_breaks_off_is_taken_back_as_a_whole(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(GOOD, break_after=5))
    events, answer = await ask(agent, library, books)
    said = text_of(events)
    assert said
    assert GOOD.startswith(said)
    assert answer.text.startswith("The harbour bridge was opened in 1932 by the governor. [")
    assert answer.degraded == ("model_unavailable",)
    assert all(citation.verified for citation in answer.citations)


async def test_what_nobody_can_pay_is_quoted_and_it_is_said(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    owner = Principal(library.tenant, library.reader.user_id, Role.OWNER, frozenset(Scope))
    await Budgets(library.database).set(owner, {Period.DAY: (10, None)})
    events, answer = await ask(agent, library, books)
    assert answer.answered
    assert answer.degraded == ("budget_exceeded",)
    assert notices(events) == [Noticed("budget", "budget_exceeded")]
    assert server.requests == []


async def test_an_answer_that_was_cut_off_says_so(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(GOOD, finish="length"))
    events, answer = await ask(agent, library, books)
    assert answer.degraded == ("cut_off",)
    assert notices(events) == [Noticed("degraded", "cut_off")]


async def test_the_prompt_holds_rules_passages_turns_and_question_in_their_places(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(GOOD))
    collection = books["Granite"].collection_id
    earlier = Remembered(
        (Exchange("What crosses the bay?", "The harbour bridge. [1]", answered=True),)
    )
    question = Question(OPENED, (collection,), earlier)
    [event async for event in agent.run(library.reader, question)]
    system, request = server.requests[0]["messages"]
    assert system["role"] == "system"
    assert "NOT_IN_DOCUMENTS" in system["content"]
    assert "harbour" not in system["content"]
    assert TEXTS["Harbour bridge"] in request["content"]
    assert "What crosses the bay?" in request["content"]
    assert OPENED in request["content"]
    assert "Answer in English" in request["content"]


async def test_as_many_passages_as_fit_are_shown_and_only_those_can_be_cited(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say("It is used for buildings [2]."))
    small = replace(agent, manner=Manner(Variant.STEP_BY_STEP, passage_tokens=10))
    events, answer = await ask(small, library, books)
    (sources,) = (event for event in events if isinstance(event, SourcesFound))
    assert len(sources.passages) == 1
    assert [doubt.reason.value for doubt in answer.doubts] == ["unknown_mark"]
    assert "<notes>" in server.requests[0]["messages"][0]["content"]


async def test_whoever_stops_listening_ends_the_request(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    server.script.append(say(GOOD, stall_after=3))
    question = Question(OPENED, (books["Granite"].collection_id,))
    async with aclosing(agent.run(library.reader, question)) as events:
        async for event in events:
            if isinstance(event, TextProduced):
                break
    stopped = time.monotonic()
    assert await asyncio.to_thread(server.wait_for, lambda state: bool(state.closed))
    assert server.closed[0] - stopped < 2


async def test_a_model_that_is_silent_is_given_up_in_time(
    library: Library,
    books: dict[str, Book],
    server: ChatServer,
    agent: Agent,
) -> None:
    server.script += [SILENT] * 3
    began = time.monotonic()
    _, answer = await ask(agent, library, books)
    assert answer.degraded == ("model_unavailable",)
    assert time.monotonic() - began < 10


async def test_a_second_look_doubts_what_the_checks_let_through(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    careful = replace(agent, manner=Manner(judge=True))
    wrong = f"{GOOD} The governor crosses the bay [1]. It was closed in 1999 [1]."
    server.script += [say(wrong), say("1 yes\n2: yes\n3 - **no**, 3 no\n9 no")]
    events, answer = await ask(careful, library, books)
    request = server.requests[1]["messages"][-1]["content"]
    assert "The governor crosses the bay" in request
    assert "1999" not in request, "what is doubted already is not asked about"
    doubts = [(answer.text[d.start : d.end], d.reason.value) for d in answer.doubts]
    assert doubts == [
        ("It was closed in 1999 [1].", "unsupported_number"),
        ("The governor crosses the bay", "model_doubts"),
    ]
    assert [citation.verified for citation in answer.citations] == [True, True, False, False]
    assert answer.grounded == 0.5
    assert notices(events) == []


async def test_without_a_second_look_the_checks_have_to_do(
    agent: Agent, library: Library, books: dict[str, Book], server: ChatServer
) -> None:
    careful = replace(agent, manner=Manner(judge=True))
    server.script += [say(GOOD), fail(401)]
    events, answer = await ask(careful, library, books)
    assert (answer.grounded, answer.doubts) == (1.0, ())
    assert notices(events) == [Noticed("degraded", "judge_unavailable")]
