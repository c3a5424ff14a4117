"""An answer is given again to the same question, and to no other; nothing outlives its reason."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from citewell.agent.desk import Desk
from citewell.agent.service import Agent
from citewell.chat.answering import Answerer
from citewell.chat.caching.cached_agent import CachedAgent, lasting
from citewell.domain.accounts import Visibility
from citewell.domain.conversations import Exchange, Remembered
from citewell.domain.documents import ParsedText, TextKind
from citewell.domain.errors import NotFoundError, UnavailableError
from citewell.domain.ids import RunId, TenantId, UserId, new_id
from citewell.domain.passages import Answer
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.run_events import (
    AnswerFinished,
    Noticed,
    Question,
    RunEvent,
    SourcesFound,
    StepFinished,
    StepStarted,
    TextProduced,
)
from citewell.domain.runs.approvals import Decision
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from citewell.telemetry.metrics import REGISTRY
from tests.unit.chat.caching.conftest import OPENED, TEXTS, Counting, ask, said, steps
from tests.unit.chat.scripted import process, story
from tests.unit.retrieval.embedders import Absent
from tests.unit.retrieval.library import Book, Library, Text

BRIDGE, LIGHTHOUSE = "Harbour bridge", "Lighthouse"


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("citewell_answer_cache_total", {"outcome": outcome}) or 0.0


async def test_the_same_question_is_answered_again_without_the_agent(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    hits = counted("hit")
    first = await ask(cache, library.reader, books[BRIDGE])
    second = await ask(cache, library.reader, books[BRIDGE], f"  {OPENED.replace(' ', '  ')}\n")
    assert agent.asked == [OPENED]
    assert counted("hit") == hits + 1
    assert steps(second) == ["cache"]
    assert second[-1] == first[-1]
    assert "1932" in said(second)
    assert [e for e in second if isinstance(e, SourcesFound)] == [
        e for e in first if isinstance(e, SourcesFound)
    ]
    pieces = [e.text for e in second if isinstance(e, TextProduced)]
    assert pieces == [said(first)]
    finished = next(e for e in second if isinstance(e, StepFinished))
    assert finished.details["age_seconds"] == pytest.approx(0, abs=30)


async def test_a_refusal_is_given_again_until_a_document_comes(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    unknown = "What is the boiling point of mercury?"
    refusals = [await ask(cache, library.reader, books[BRIDGE], unknown) for _ in range(2)]
    assert steps(refusals[1]) == ["cache"]
    assert said(refusals[0]) == said(refusals[1])
    await library.add("Mercury", "The boiling point of mercury is 357 degrees.")
    await cache.projections.catch_up()
    assert "357" in said(await ask(cache, library.reader, books[BRIDGE], unknown))


async def test_letters_of_another_case_are_another_question(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    await ask(cache, library.reader, books[BRIDGE])
    await ask(cache, library.reader, books[BRIDGE], OPENED.upper())
    assert len(agent.asked) == 2


Change = Callable[[Library, dict[str, Book]], Awaitable[object]]


async def _new_document(library: Library, books: dict[str, Book]) -> None:
    await library.add("Harbour", "The harbour bridge was opened again in 1999.")


async def _deletion(library: Library, books: dict[str, Book]) -> None:
    await library.delete(books[BRIDGE])


async def _deletion_of_another(library: Library, books: dict[str, Book]) -> None:
    await library.delete(books[LIGHTHOUSE])


async def _unannounced_deletion(library: Library, books: dict[str, Book]) -> None:
    await library.delete(books[BRIDGE], announced=False)


async def _new_version(library: Library, books: dict[str, Book]) -> None:
    await library.replace(books[BRIDGE], Text(BRIDGE, TEXTS[BRIDGE].replace("1932", "1933")))


async def _other_title(library: Library, books: dict[str, Book]) -> None:
    async with library.database.transaction(library.tenant) as tx:
        await tx.documents.update(books[BRIDGE].document_id, {"title": "Bridges"})


async def _other_text(library: Library, books: dict[str, Book]) -> None:
    """What no part of the product does: the quote stands there no more."""
    changed = ParsedText(TEXTS[BRIDGE].replace("1932", "2932"), TextKind.PROSE, title=BRIDGE)
    async with library.database.transaction(library.tenant) as tx:
        await tx.versions.store_text(books[BRIDGE].version_id, changed)


CHANGES: dict[str, Change] = {
    "a new document": _new_document,
    "a deletion": _deletion,
    "the deletion of another document": _deletion_of_another,
    "a deletion that the index has not heard of": _unannounced_deletion,
    "a new version": _new_version,
    "another title": _other_title,
    "another text": _other_text,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_after_a_change_of_the_documents_the_agent_is_asked_again(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book], change: Change
) -> None:
    await ask(cache, library.reader, books[BRIDGE])
    await change(library, books)
    await cache.projections.catch_up()
    events = await ask(cache, library.reader, books[BRIDGE])
    assert "cache" not in steps(events)
    assert len(agent.asked) == 2


OTHERS: dict[str, Callable[[Principal], Principal]] = {
    "another role": lambda one: replace(one, role=Role.EDITOR),
    "more scopes": lambda one: replace(one, scopes=frozenset(Scope)),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
async def test_an_answer_is_not_given_across_rights(
    cache: CachedAgent,
    agent: Counting,
    library: Library,
    books: dict[str, Book],
    other: Callable[[Principal], Principal],
) -> None:
    await ask(cache, library.reader, books[BRIDGE])
    await ask(cache, other(library.reader), books[BRIDGE])
    assert len(agent.asked) == 2
    # Another person with the same rights may have it.
    await ask(cache, replace(library.reader, user_id=UserId(new_id())), books[BRIDGE])
    assert len(agent.asked) == 2


async def test_who_may_not_see_the_collection_gets_nothing_of_it(
    cache: CachedAgent,
    agent: Counting,
    library: Library,
    books: dict[str, Book],
    other_tenant: TenantId,
) -> None:
    reader = library.reader
    await ask(cache, reader, books[BRIDGE])
    stranger = replace(reader, tenant_id=other_tenant)
    with pytest.raises(NotFoundError):
        await ask(cache, stranger, books[BRIDGE])
    async with library.database.transaction(library.tenant) as tx:
        await tx.shares.set_visibility(books[BRIDGE].collection_id, Visibility.RESTRICTED)
    hidden = await ask(cache, reader, books[BRIDGE])
    assert "cache" not in steps(hidden)
    assert "1932" not in said(hidden)
    # What is said to those who may not see it is kept for nobody.
    owner = replace(reader, role=Role.OWNER)
    assert "1932" in said(await ask(cache, owner, books[BRIDGE]))


async def test_another_configuration_has_answers_of_its_own(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    await ask(cache, library.reader, books[BRIDGE])
    other = replace(cache, configuration="another")
    await ask(other, library.reader, books[BRIDGE])
    assert len(agent.asked) == 2
    assert other.answers is cache.answers


async def test_a_question_with_a_history_is_answered_anew(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    apart = counted("apart")
    history = Remembered((Exchange("What is it?", "A bridge.", answered=True),))
    question = Question(OPENED, (books[BRIDGE].collection_id,), history)
    for _ in range(2):
        events = [event async for event in cache.run(library.reader, question)]
        assert "cache" not in steps(events)
    assert len(agent.asked) == 2
    assert counted("apart") == apart + 2
    # Nor does it serve those without one.
    await ask(cache, library.reader, books[BRIDGE])
    assert len(agent.asked) == 3


async def test_the_run_it_belongs_to_makes_no_difference(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    for _ in range(2):
        question = Question(OPENED, (books[BRIDGE].collection_id,), run_id=RunId(new_id()))
        assert [event async for event in cache.run(library.reader, question)]
    assert len(agent.asked) == 1


@dataclass(slots=True)
class Meanwhile:
    """An agent during whose run something happens."""

    agent: Answerer
    happens: Callable[[], Awaitable[object]]

    async def run(
        self, principal: Principal, question: Question, desk: Desk | None = None
    ) -> AsyncGenerator[RunEvent]:
        async for event in self.agent.run(principal, question, desk):
            if isinstance(event, AnswerFinished):
                await self.happens()
            yield event

    def go_on(
        self, principal: Principal, decision: Decision, desk: Desk
    ) -> AsyncGenerator[RunEvent]:
        return self.agent.go_on(principal, decision, desk)


async def test_an_answer_during_whose_making_a_document_came_is_not_kept(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    async def happens() -> None:
        await library.add("New", "The harbour bridge was opened again in 1999.")

    hasty = replace(cache, agent=Meanwhile(agent, happens))
    await ask(hasty, library.reader, books[BRIDGE])
    await cache.projections.catch_up()
    await ask(cache, library.reader, books[BRIDGE])
    assert len(agent.asked) == 2


async def test_an_answer_from_an_index_that_lags_behind_is_not_kept(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    reader, lighthouse = library.reader, "When was the lighthouse built?"
    await ask(cache, reader, books[BRIDGE])
    await library.add("Second lighthouse", "The second lighthouse was built in 1922.")
    # The index has not heard of it yet, so the answer misses it.
    await ask(cache, reader, books[BRIDGE], lighthouse)
    await cache.projections.catch_up()
    await ask(cache, reader, books[BRIDGE], lighthouse)
    assert agent.asked == [OPENED, lighthouse, lighthouse]
    assert steps(await ask(cache, reader, books[BRIDGE], lighthouse)) == ["cache"]


async def test_an_answer_that_had_to_do_without_something_is_not_kept(
    cache: CachedAgent, library: Library, books: dict[str, Book], retrieval: Retrieval
) -> None:
    absent = Absent(library.embedder.model)
    searching = Retrieval(library.database, absent, retrieval.projections)
    agent = Counting(Agent(searching, absent, Citations(library.database)))
    degraded = replace(cache, agent=agent)
    for _ in range(2):
        assert "cache" not in steps(await ask(degraded, library.reader, books[BRIDGE]))
    assert len(agent.asked) == 2


async def test_an_answer_that_nobody_heard_to_its_end_is_not_kept(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    question = Question(OPENED, (books[BRIDGE].collection_id,))
    async with aclosing(cache.run(library.reader, question)) as events:
        async for event in events:
            if isinstance(event, TextProduced):
                break
    await ask(cache, library.reader, books[BRIDGE])
    assert len(agent.asked) == 2


def _without_notice() -> list[RunEvent]:
    return [event for event in story() if not isinstance(event, Noticed)]


def test_only_whole_answers_that_came_from_documents_alone_last() -> None:
    whole = _without_notice()
    assert lasting(whole, 0.0) is not None
    last = whole[-1]
    assert isinstance(last, AnswerFinished)
    cited = last.answer.citations[0]
    doubtful: list[Answer] = [
        replace(last.answer, degraded=("time_budget",)),
        replace(last.answer, citations=(replace(cited, verified=False),)),
    ]
    for one in doubtful:
        assert lasting([*whole[:-1], AnswerFinished(one)], 0.0) is None
    assert lasting([], 0.0) is None
    assert lasting(whole[:-1], 0.0) is None
    assert lasting([StepStarted("calculator"), *whole], 0.0) is None
    assert lasting([StepStarted("retrieve#2"), *whole], 0.0) is not None
    assert lasting(story(), 0.0) is None


async def test_a_run_from_the_cache_is_a_run_of_its_own_with_all_that_belongs_to_one(
    cache: CachedAgent, postgres_url: str, library: Library, books: dict[str, Book]
) -> None:
    async with library.database.transaction(library.tenant) as tx:
        user = await tx.keys.ensure_user("asker", Role.VIEWER)
    asker = replace(library.reader, user_id=user)
    async with process(postgres_url, cache) as chat:
        runs = [await chat.answer(asker, OPENED, [books[BRIDGE].collection_id]) for _ in range(2)]
        logs = [[event async for _, event in chat.events(asker, run.id)] for run, _ in runs]
        async with chat.database.transaction(asker) as tx:
            messages = [await tx.conversations.messages(run.conversation_id) for run, _ in runs]
    (first, told), (second, again) = runs
    assert first.id != second.id
    assert again == told
    names = [event["stepName"] for event in logs[1] if event["type"] == "STEP_STARTED"]
    assert names == ["cache"]
    assert logs[1][-1]["type"] == "RUN_FINISHED"
    texts = [[(one.role, one.text) for one in said] for said in messages]
    assert texts[0] == texts[1]
    assert [one.citations for one in messages[1]] != [(), ()]


async def test_a_reworded_question_is_answered_again_where_that_was_asked_for(
    near: CachedAgent, cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    await ask(near, library.reader, books[BRIDGE])
    reworded = "When was it that the harbour bridge was opened?"
    found = await ask(near, library.reader, books[BRIDGE], reworded)
    assert steps(found) == ["cache"]
    assert "1932" in said(found)
    finished = next(e for e in found if isinstance(e, StepFinished))
    assert 0.95 <= float(finished.details["cosine"]) < 1
    # Without the setting it is another question.
    await ask(cache, library.reader, books[BRIDGE], reworded)
    assert agent.asked == [OPENED, reworded]


async def test_what_is_near_and_asks_for_something_else_is_not_answered_with_it(
    near: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    await ask(near, library.reader, books[BRIDGE])
    for other in ("Why was the harbour bridge opened?", "When was the harbour bridge not opened?"):
        assert "cache" not in steps(await ask(near, library.reader, books[BRIDGE], other))
    assert len(agent.asked) == 3
    # Nor across rights.
    other_rights = replace(library.reader, role=Role.OWNER)
    await ask(near, other_rights, books[BRIDGE], "When was it that the harbour bridge was opened?")
    assert len(agent.asked) == 4


async def test_without_its_embedder_the_cache_answers_the_same_question_alone(
    near: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    assert near.near is not None
    blind = replace(near, near=replace(near.near, embedder=Absent(library.embedder.model)))
    for _ in range(2):
        await ask(blind, library.reader, books[BRIDGE])
    await ask(blind, library.reader, books[BRIDGE], "When was it that the bridge was opened?")
    assert len(agent.asked) == 2


@dataclass(slots=True)
class Leaving:
    """A database that is read once and then gone."""

    database: Database
    reads: int = 0

    async def read(self, *asked: Any) -> Any:
        self.reads += 1
        if self.reads > 1:
            raise UnavailableError("The database is not there.")
        return await self.database.read(*asked)


async def test_a_database_that_goes_away_after_the_answer_takes_nothing_from_it(
    cache: CachedAgent, agent: Counting, library: Library, books: dict[str, Book]
) -> None:
    leaving = Leaving(cache.database)
    hasty = replace(cache, database=cast("Database", leaving))
    assert "1932" in said(await ask(hasty, library.reader, books[BRIDGE]))
    assert leaving.reads == 2
    assert "cache" not in steps(await ask(cache, library.reader, books[BRIDGE]))
