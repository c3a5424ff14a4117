"""A question becomes a stored answer with its footnotes, or an error that says why."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from citewell.domain.errors import InvalidError, UnavailableError, UpstreamError
from citewell.domain.ids import CollectionId, new_id
from citewell.domain.passages import Answer
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, SourcesFound, TextProduced
from citewell.domain.runs.states import RunState
from citewell.storage.database import Database
from citewell.telemetry.tasks import Tasks
from tests.unit.chat.scripted import (
    Gate,
    Script,
    Scripted,
    answer,
    check_order,
    follow,
    passage,
    process,
    serving,
    story,
)

MANY = 50


async def test_an_answer_comes_back_as_its_readers_saw_it(
    postgres_url: str, asker: Principal
) -> None:
    agent = Scripted(story())
    wanted = CollectionId(new_id())
    async with process(postgres_url, agent) as chat:
        run, outcome = await chat.answer(asker, "  How many doors?\x00 ", [wanted])
    assert outcome.text == "The tower has seven doors. [1]"
    assert outcome.answered
    assert outcome.grounded == 1.0
    assert outcome.error is None
    assert [citation["n"] for citation in outcome.citations] == [1]
    assert run.state is RunState.FINISHED
    assert agent.asked[0].collections == (wanted,)
    assert agent.asked[0].text == "How many doors?\ufffd"
    assert run.request == {"text": agent.asked[0].text, "collections": [str(wanted)]}


async def test_question_and_answer_are_stored_with_every_citation(
    postgres_url: str, asker: Principal
) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        run, outcome = await chat.answer(asker, "How many doors?", [])
        again = await chat.start(asker, "Really?", [], conversation_id=run.conversation_id)
        await follow(chat, asker, again.id)
        async with chat.database.transaction(asker.tenant_id) as tx:
            said = await tx.conversations.messages(run.conversation_id)
    assert [(m.role, m.text, m.partial) for m in said] == [
        ("user", "How many doors?", False),
        ("assistant", "The tower has seven doors. [1]", False),
        ("user", "Really?", False),
        ("assistant", "The tower has seven doors. [1]", False),
    ]
    rows = await _query(postgres_url, 'SELECT quote, start, "end", verified FROM citations')
    shown = outcome.citations[0]
    assert rows == [(shown["quote"], shown["start"], shown["end"], True)] * 2


async def test_a_refusal_names_what_is_near(postgres_url: str, asker: Principal) -> None:
    near = passage("x" * 1000)
    refusal = Answer("Nothing.", (), 1.0, answered=False, reason="nothing_near", related=(near,))
    async with process(postgres_url, Scripted([AnswerFinished(refusal)])) as chat:
        _, outcome = await chat.answer(asker, "What?", [])
    assert not outcome.answered
    assert outcome.reason == "nothing_near"
    assert [source["passage_id"] for source in outcome.related] == [str(near.chunk_id)]
    assert outcome.related[0]["preview"] == "x" * 240
    assert outcome.error is None


async def test_an_expected_error_keeps_its_code_and_the_text_so_far(
    postgres_url: str, asker: Principal
) -> None:
    script: Script = [TextProduced("The tower"), UpstreamError("The model is gone.")]
    async with process(postgres_url, Scripted(script)) as chat:
        run, outcome = await chat.answer(asker, "What?", [])
        async with chat.database.transaction(asker.tenant_id) as tx:
            said = await tx.conversations.messages(run.conversation_id)
    assert outcome.error == ("upstream", "The model is gone.")
    assert outcome.text == "The tower"
    assert not outcome.answered
    assert (said[-1].text, said[-1].partial) == ("The tower", True)
    assert run.state is RunState.FAILED


async def test_a_bug_in_the_agent_says_nothing_of_its_insides(
    postgres_url: str, asker: Principal
) -> None:
    async with process(postgres_url, Scripted([KeyError("password=hunter2")])) as chat:
        run, outcome = await chat.answer(asker, "What?", [])
        _, second = await chat.answer(asker, "Are you there?", [])
    assert outcome.error is not None
    assert outcome.error[0] == "internal"
    assert "hunter2" not in str(outcome)
    assert "KeyError" not in str(outcome)
    assert run.state is RunState.FAILED
    assert second.error is not None


async def test_citations_stay_true_when_text_cannot_be_stored_as_it_is(
    postgres_url: str, asker: Principal
) -> None:
    text = "a\x00b\ud800c [1]"
    async with process(postgres_url, Scripted([AnswerFinished(answer(text))])) as chat:
        _, outcome = await chat.answer(asker, "What?", [])
    assert outcome.text == "a\ufffdb\ufffdc [1]"
    assert outcome.citations[0]["answer"] == [0, len(text)]


async def test_the_text_is_cut_into_few_events_and_few_commits(
    postgres_url: str, asker: Principal
) -> None:
    letters = [TextProduced(letter) for letter in "abcdefghij" * 500]
    whole = AnswerFinished(answer("abcdefghij" * 500))
    async with process(postgres_url, Scripted([*letters, whole])) as chat:
        run, outcome = await chat.answer(asker, "What?", [])
        events = [event for _, event in await follow(chat, asker, run.id)]
    check_order(events)
    deltas = [event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT"]
    assert max(len(delta) for delta in deltas) <= 256
    assert outcome.text == "abcdefghij" * 500
    [(commits,)] = await _query(postgres_url, "SELECT count(DISTINCT at) FROM run_events")
    assert len(deltas) <= 5000 / 256 + commits
    assert commits <= 25


async def test_a_word_is_readable_while_the_agent_still_thinks(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    async with process(postgres_url, Scripted([TextProduced("Hm"), gate, *story()])) as chat:
        run = await chat.start(asker, "What?", [])
        async with asyncio.timeout(10):
            async for _, event in chat.events(asker, run.id):
                if event["type"] == "TEXT_MESSAGE_CONTENT":
                    assert event["delta"] == "Hm"
                    assert not gate.opened.is_set()
                    gate.opened.set()
                    break
        await follow(chat, asker, run.id)


async def test_fifty_runs_at_once_all_end_well(postgres_url: str, asker: Principal) -> None:
    gate = Gate()
    usual = story()
    agent = Scripted([*usual[:8], gate, *usual[8:]])

    async def one(number: int) -> list[dict[str, Any]]:
        run = await chat.start(asker, f"Question {number}?", [])
        return [event for _, event in await follow(chat, asker, run.id)]

    async with process(postgres_url, agent) as chat, asyncio.TaskGroup() as group:
        asking = [group.create_task(one(n)) for n in range(MANY)]
        await gate.wait_reached()
        gate.opened.set()
    for asked in asking:
        check_order(asked.result())
        assert asked.result()[-1]["type"] == "RUN_FINISHED"
    assert agent.began == agent.closed == MANY


@pytest.mark.parametrize("text", ["", "  \n\t"])
async def test_an_empty_question_is_refused_and_leaves_nothing(
    postgres_url: str, asker: Principal, text: str
) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        with pytest.raises(InvalidError):
            await chat.start(asker, text, [])
    assert await _query(postgres_url, "SELECT count(*) FROM conversations") == [(0,)]


async def test_a_full_server_refuses_a_run_before_anything_is_stored(
    database: Database, postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    tasks = Tasks(most=3)
    async with serving(database, Scripted([gate, *story()]), tasks) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
        with pytest.raises(UnavailableError) as refused:
            await chat.start(asker, "And?", [])
        assert refused.value.retry_after == 1
        gate.opened.set()
        await follow(chat, asker, run.id)
    assert await _query(postgres_url, "SELECT count(*) FROM runs") == [(1,)]


async def test_the_sources_of_an_answer_precede_its_text(
    postgres_url: str, asker: Principal
) -> None:
    script: Script = [SourcesFound((passage(), passage())), AnswerFinished(answer("Yes. [1]"))]
    async with process(postgres_url, Scripted(script)) as chat:
        run = await chat.start(asker, "What?", [])
        events = [event for _, event in await follow(chat, asker, run.id)]
    types = [event["type"] for event in events]
    assert types.index("ACTIVITY_SNAPSHOT") < types.index("TEXT_MESSAGE_START")


async def _query(url: str, query: str) -> Sequence[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as raw:
        # The queries are this module's own.
        found = await raw.execute(query.encode())
        return await found.fetchall()
