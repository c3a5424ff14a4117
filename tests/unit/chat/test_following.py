"""A reader may come, go and come back, anywhere; the run does not notice."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from sqlalchemy import TextClause

from citewell.chat.following import Follower
from citewell.chat.service import Chat
from citewell.domain.errors import DeniedError, NotFoundError
from citewell.domain.ids import RunId, TenantId, new_id
from citewell.domain.principal import Principal
from citewell.domain.run_events import TextProduced
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import append
from citewell.storage.at_once.once import Row
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC, Batch
from tests.unit.chat.scripted import Gate, Scripted, ask, check_order, follow, process, story
from tests.unit.chat.stored import begun


@dataclass(frozen=True)
class Counting(Database):
    """A database that notes behind which number somebody looks."""

    reads: list[int] = field(default_factory=list)

    async def read(
        self, who: Principal | TenantId, statement: TextClause, values: Mapping[str, Any]
    ) -> list[Row]:
        self.reads.append(values["after"])
        return await super().read(who, statement, values)


async def test_resuming_after_any_number_gives_exactly_the_rest(
    postgres_url: str, asker: Principal
) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        run = await chat.start(asker, "What?", [])
        whole = await follow(chat, asker, run.id)
        for after in range(-1, len(whole) + 3):
            assert await follow(chat, asker, run.id, after=after) == whole[after + 1 :]


async def test_a_log_longer_than_a_page_is_read_whole(postgres_url: str, asker: Principal) -> None:
    pieces = [TextProduced(f"{n:0256d}") for n in range(450)]
    async with process(postgres_url, Scripted([*pieces, *story()[:1]])) as chat:
        events = await ask(chat, asker)
    check_order(events)
    assert sum(event["type"] == "TEXT_MESSAGE_CONTENT" for event in events) == 450


async def test_a_run_is_followed_alike_in_its_own_process_and_in_another(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    usual = story()
    agent = Scripted([*usual[:8], gate, *usual[8:]])
    elsewhere = Scripted([])
    async with process(postgres_url, agent) as one, process(postgres_url, elsewhere) as two:
        run = await one.start(asker, "What?", [])
        async with asyncio.TaskGroup() as group:
            here = group.create_task(follow(one, asker, run.id))
            there = group.create_task(follow(two, asker, run.id))
            await gate.wait_reached()
            gate.opened.set()
    check_order([event for _, event in here.result()])
    assert here.result() == there.result()
    assert agent.began == 1
    assert elsewhere.began == 0


async def test_a_reader_looks_once_for_what_it_hears_of(
    database: Database, asker: Principal
) -> None:
    run, seal = await begun(database, asker), await database.seal(asker)
    counting = Counting(database.engine, database.url, database.vault)
    notifications = Notifications(database.url)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        listening = group.create_task(notifications.run((RUNS_TOPIC,)))
        async with notifications.subscribe(RUNS_TOPIC) as heard:
            assert await heard.next(seconds=20) == ""
        async with aclosing(Follower(counting, notifications).events(asker, run.id, -1)) as events:
            assert (await anext(events))[0] == 0
            told = {"type": "CUSTOM", "name": "n", "value": 1}
            for number in range(1, 4):
                await append(database.write, seal, Batch(run.id, number - 1, [told]))
                async with database.transaction(asker) as tx:
                    await tx.runs.request_cancel(run.id)
                assert (await anext(events))[0] == number
        listening.cancel()
    assert counting.reads == [-1, 0, 1, 2]


async def test_an_event_is_stored_before_its_reader_sees_it(
    postgres_url: str, asker: Principal
) -> None:
    async with (
        process(postgres_url, Scripted(story())) as chat,
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as raw,
    ):
        run = await chat.start(asker, "What?", [])
        async with aclosing(chat.events(asker, run.id)) as events:
            async for number, _ in events:
                found = await raw.execute(
                    "SELECT max(seq) FROM run_events WHERE run_id = %s", (run.id,)
                )
                row = await found.fetchone()
                assert row is not None
                assert row[0] >= number


async def test_a_reader_that_leaves_does_not_stop_the_run(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    usual = story()
    async with process(postgres_url, Scripted([*usual[:9], gate, *usual[9:]])) as chat:
        run = await chat.start(asker, "What?", [])
        async with aclosing(chat.events(asker, run.id)) as events:
            first = await anext(events)
        await gate.wait_reached()
        gate.opened.set()
        rest = await follow(chat, asker, run.id, after=first[0])
        assert rest[-1][1]["type"] == "RUN_FINISHED"


async def test_a_caller_that_gives_up_waiting_does_not_stop_the_run(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    agent = Scripted([gate, *story()])
    async with process(postgres_url, agent) as chat:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(chat.answer(asker, "What?", []))
            await gate.wait_reached()
            asking.cancel()
        gate.opened.set()
        [run_id] = await _runs(postgres_url)
        events = await follow(chat, asker, run_id)
    assert events[-1][1]["type"] == "RUN_FINISHED"


async def test_a_reader_that_never_reads_does_not_slow_the_run(
    postgres_url: str, asker: Principal
) -> None:
    pieces = [TextProduced("x" * 256) for _ in range(300)]
    async with process(postgres_url, Scripted([*pieces, *story()])) as chat:
        run = await chat.start(asker, "What?", [])
        async with aclosing(chat.events(asker, run.id)) as slow:
            first = await anext(slow)
            quick = await follow(chat, asker, run.id)
            assert (await chat.get(asker, run.id)).state is RunState.FINISHED
            assert [first, *[item async for item in slow]] == quick


async def test_notifications_are_only_hints(
    postgres_url: str, asker: Principal, database: Database
) -> None:
    gate = Gate()
    async with process(postgres_url, Scripted([gate, *story()])) as chat:
        deaf = Chat(database, Notifications(database.url), chat.agent, chat.tasks)
        run = await chat.start(asker, "What?", [])
        async with asyncio.TaskGroup() as group:
            followed = group.create_task(follow(deaf, asker, run.id))
            await gate.wait_reached()
            gate.opened.set()
    assert followed.result()[-1][1]["type"] == "RUN_FINISHED"


async def test_the_run_of_somebody_else_does_not_exist(
    postgres_url: str, asker: Principal, neighbour: Principal, stranger: Principal
) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        run = await chat.start(asker, "What?", [])
        await follow(chat, asker, run.id)
        for other in (neighbour, stranger):
            with pytest.raises(NotFoundError):
                await follow(chat, other, run.id)
            with pytest.raises(NotFoundError):
                await chat.get(other, run.id)
            with pytest.raises(NotFoundError):
                await chat.cancel(other, run.id)
            with pytest.raises(NotFoundError):
                await chat.start(other, "What?", [], conversation_id=run.conversation_id)
        with pytest.raises(NotFoundError):
            await follow(chat, asker, RunId(new_id()))


async def test_a_credential_without_the_right_to_ask_is_denied(
    postgres_url: str, asker: Principal
) -> None:
    bare = Principal(asker.tenant_id, asker.user_id, asker.role, frozenset())
    agent = Scripted(story())
    async with process(postgres_url, agent) as chat:
        run = await chat.start(asker, "What?", [])
        with pytest.raises(DeniedError):
            await chat.start(bare, "What?", [])
        with pytest.raises(DeniedError):
            chat.events(bare, run.id)
        with pytest.raises(DeniedError):
            await chat.cancel(bare, run.id)
        await follow(chat, asker, run.id)
    assert agent.began == 1


async def _runs(url: str) -> list[RunId]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as raw:
        found = await raw.execute("SELECT id FROM runs")
        return [RunId(row[0]) for row in await found.fetchall()]
