"""Turns of one conversation: each is told of those before; removing it ends what goes on."""

import asyncio

import pytest

from citewell.chat.conversations import Conversations
from citewell.domain.conversations import Exchange
from citewell.domain.errors import NotFoundError
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, TextProduced
from citewell.storage.database import Database
from tests.unit.chat.scripted import (
    SECONDS,
    Gate,
    Script,
    Scripted,
    answer,
    follow,
    process,
    until,
)

SAID = "It has seven doors."
STORY: Script = [TextProduced(SAID), AnswerFinished(answer(SAID))]


async def test_a_question_is_asked_with_what_its_conversation_has_said(
    postgres_url: str, asker: Principal
) -> None:
    agent = Scripted(STORY)
    async with process(postgres_url, agent) as chat:
        first, _ = await chat.answer(asker, "How many doors?", [])
        within = first.conversation_id
        await chat.answer(asker, "And windows?", [], conversation_id=within)
        await chat.answer(asker, "Why?", [])
    told = [one.remembered.turns for one in agent.asked]
    assert told == [(), (Exchange("How many doors?", SAID, answered=True),), ()]


async def test_a_conversation_that_was_made_before_counts_its_turns(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    agent = Scripted(STORY)
    async with process(postgres_url, agent) as chat:
        made = await Conversations(database).create(asker, "Doors")
        for _ in range(2):
            await chat.answer(asker, "How many doors?", [], conversation_id=made.id)
    shown = await Conversations(database).get(asker, made.id)
    assert shown.turns == 2
    assert agent.asked[1].remembered.turns[0].question == "How many doors?"


async def test_somebody_elses_conversation_takes_no_question(
    postgres_url: str, database: Database, asker: Principal, neighbour: Principal
) -> None:
    made = await Conversations(database).create(asker, "Mine")
    async with process(postgres_url, Scripted(STORY)) as chat:
        with pytest.raises(NotFoundError):
            await chat.start(neighbour, "What do you say?", [], conversation_id=made.id)
    assert (await Conversations(database).get(asker, made.id)).turns == 0


async def test_removing_a_conversation_stops_its_run_in_whichever_process_it_is(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    gate = Gate()
    agent = Scripted([TextProduced("It "), gate, *STORY])
    async with process(postgres_url, agent) as chat:
        run = await chat.start(asker, "How many doors?", [])
        await gate.wait_reached()
        following = asyncio.ensure_future(follow(chat, asker, run.id))
        await Conversations(database).delete(asker, run.conversation_id)
        await until(lambda: agent.closed == 1)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(NotFoundError):
                await following
        with pytest.raises(NotFoundError):
            await chat.get(asker, run.id)
        await until(lambda: chat.tasks.count() == 2)
