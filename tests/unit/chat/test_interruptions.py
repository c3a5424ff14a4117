"""Cancelled, restarted, abandoned or cut off: a run ends once, and keeps what was said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import psycopg
from sqlalchemy import make_url
from structlog.testing import capture_logs

from citewell.chat.narration import Narration
from citewell.chat.recovery import Recovery
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal
from citewell.domain.run_events import StepStarted
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import append
from citewell.storage.database import Database
from citewell.storage.repositories.conversing.run_log import APPEND, Batch, appended
from citewell.storage.repositories.conversing.runs import Run
from citewell.telemetry.tasks import Tasks
from tests.unit.chat.scripted import (
    Gate,
    Scripted,
    check_order,
    follow,
    process,
    serving,
    story,
    until,
    until_true,
)
from tests.unit.chat.stored import begun, execute, messages


async def test_a_cancel_reaches_the_process_that_has_the_run(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    usual = story()
    agent = Scripted([*usual[:8], gate, *usual[8:]])
    async with process(postgres_url, agent) as one, process(postgres_url, Scripted([])) as two:
        run = await one.start(asker, "What?", [])
        await gate.wait_reached()
        await two.cancel(asker, run.id)
        events = [event for _, event in await follow(two, asker, run.id)]
        said = await messages(two.database, asker, run)
    check_order(events)
    assert events[-1]["outcome"] == {"type": "cancelled"}
    assert agent.closed == 1
    assert [(m.role, m.text, m.partial) for m in said[1:]] == [
        ("assistant", "The tower has ", True)
    ]


async def test_a_cancel_that_nobody_hears_is_found_when_the_lease_is_renewed(
    postgres_url: str, asker: Principal, database: Database
) -> None:
    gate = Gate()
    async with process(postgres_url, Scripted([gate])) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
        await execute(postgres_url, "UPDATE runs SET cancel_requested = true")
        events = await follow(chat, asker, run.id)
    assert events[-1][1]["outcome"] == {"type": "cancelled"}


async def test_cancelling_a_run_that_has_ended_changes_nothing(
    postgres_url: str, asker: Principal
) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        run = await chat.start(asker, "What?", [])
        before = await follow(chat, asker, run.id)
        await chat.cancel(asker, run.id)
        assert await follow(chat, asker, run.id) == before
        assert (await chat.get(asker, run.id)).state is RunState.FINISHED


async def test_a_server_that_stops_ends_its_runs_at_once(
    database: Database, asker: Principal
) -> None:
    gate = Gate()
    usual = story()
    agent = Scripted([*usual[:8], gate])
    async with serving(database, agent, Tasks()) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
    async with serving(database, Scripted([]), Tasks()) as chat:
        ended = await chat.get(asker, run.id)
        events = [event for _, event in await follow(chat, asker, run.id)]
        said = await messages(database, asker, run)
    check_order(events)
    assert ended.state is RunState.FAILED
    assert events[-1]["code"] == "interrupted_by_restart"
    assert events[-1]["metadata"]["rag"]["retryable"]
    assert agent.closed == 1
    assert said[-1].text == "The tower has "
    assert said[-1].partial


async def test_an_abandoned_run_is_ended_once_by_two_that_find_it(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    runs = [await _abandoned(postgres_url, database, asker) for _ in range(10)]
    first, second = Recovery(database), Recovery(database)
    assert await first.look(()) == await second.look(()) == 0, "they get a chance to come back"
    ended = await asyncio.gather(first.look(()), second.look(()))
    assert sum(ended) == len(runs)
    async with serving(database, Scripted([]), Tasks()) as chat:
        for run in runs:
            numbered = await follow(chat, asker, run.id)
            events = [event for _, event in numbered]
            check_order(events)
            assert [number for number, _ in numbered] == list(range(len(events)))
            assert events[-1]["code"] == "interrupted_by_restart"
            said = await messages(database, asker, run)
            assert [(m.text, m.partial) for m in said[1:]] == [("The tower has ", True)]
    assert await first.look(()) == 0


async def test_a_step_that_begins_while_its_run_is_recovered_is_closed_too(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    run = await _abandoned(postgres_url, database, asker)
    recovery = Recovery(database)
    await recovery.look(())
    async with asyncio.TaskGroup() as group, database.transaction(asker.tenant_id) as tx:
        late = Batch(run.id, run.head, Narration(run.id).tell(StepStarted("late")))
        await tx.connection.execute(APPEND, appended(tx.seal, late))
        # Appending renews the lease, but only this transaction knows that yet.
        looking = group.create_task(recovery.look(()))
        await until_true(partial(_waits_for_lock, postgres_url))
    assert looking.result() == 1
    async with serving(database, Scripted([]), Tasks()) as chat:
        events = [event for _, event in await follow(chat, asker, run.id)]
    check_order(events)
    assert "late" in {event.get("stepName") for event in events}


async def test_processes_that_look_after_runs_end_an_abandoned_one(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    run = await _abandoned(postgres_url, database, asker)
    async with process(postgres_url, Scripted([])) as one, process(postgres_url, Scripted([])):
        events = [event for _, event in await follow(one, asker, run.id)]
    check_order(events)
    assert events[-1]["code"] == "interrupted_by_restart"


async def test_a_run_whose_lease_is_renewed_in_time_is_left_alone(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    run = await _abandoned(postgres_url, database, asker)
    recovery = Recovery(database)
    await recovery.look(())
    async with database.transaction(asker.tenant_id) as tx:
        assert not await tx.runs.renew(run.id)
    assert await recovery.look(()) == 0
    assert await recovery.look(()) == 0


async def test_a_live_run_keeps_its_lease_while_the_agent_is_silent(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    async with process(postgres_url, Scripted([gate, *story()])) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
        await execute(postgres_url, "UPDATE runs SET lease_until = now() - interval '1 hour'")
        await until_true(partial(_leased, postgres_url, run.id))
        gate.opened.set()
        events = await follow(chat, asker, run.id)
    assert events[-1][1]["type"] == "RUN_FINISHED"


async def test_a_run_that_was_ended_elsewhere_falls_silent(
    postgres_url: str, asker: Principal, database: Database
) -> None:
    gate = Gate()
    usual = story()
    agent = Scripted([*usual[:8], gate, *usual[8:]])
    async with process(postgres_url, agent, tend_seconds=60) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
        await execute(postgres_url, "UPDATE runs SET lease_until = now() - interval '1 hour'")
        recovery = Recovery(database)
        await recovery.look(())
        assert await recovery.look(()) == 1
        before = await follow(chat, asker, run.id)
        gate.opened.set()
        await until(lambda: agent.closed == 1)
        await until(lambda: chat.tasks.count() == 2)
        assert await follow(chat, asker, run.id) == before
    check_order([event for _, event in before])


async def test_an_outage_of_the_database_does_not_lose_the_end_of_a_run(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()
    usual = story()
    async with process(postgres_url, Scripted([*usual[:8], gate, *usual[8:]])) as chat:
        run = await chat.start(asker, "What?", [])
        async with asyncio.TaskGroup() as group:
            followed = group.create_task(follow(chat, asker, run.id))
            await gate.wait_reached()
            with capture_logs() as logs:
                async with _closed(postgres_url):
                    gate.opened.set()
                    await until(lambda: any(e["event"] == "run.waiting_for_database" for e in logs))
                    await until(
                        lambda: any(e["event"] == "chat.waiting_for_database" for e in logs)
                    )
            events = [event for _, event in await followed]
        again = [event for _, event in await follow(chat, asker, run.id)]
    check_order(events)
    assert events == again
    assert events[-1]["type"] == "RUN_FINISHED"


async def _abandoned(url: str, database: Database, asker: Principal) -> Run:
    """A run whose process is gone, in the middle of a sentence."""
    run = await begun(database, asker)
    narration = Narration(run.id)
    said = [told for event in story()[:8] for told in narration.tell(event)]
    batch = Batch(run.id, run.head, said)
    await append(database.write, await database.seal(asker), batch)
    async with database.transaction(asker.tenant_id) as tx:
        await tx.conversations.add_question(run.conversation_id, run.id, "What?")
    await execute(url, "UPDATE runs SET lease_until = now() - interval '1 second'")
    return replace(run, head=batch.last)


async def _leased(url: str, run_id: RunId) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as raw:
        found = await raw.execute("SELECT lease_until > now() FROM runs WHERE id = %s", (run_id,))
        row = await found.fetchone()
        return bool(row and row[0])


async def _waits_for_lock(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as raw:
        found = await raw.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = await found.fetchone()
        return bool(row and row[0])


@asynccontextmanager
async def _closed(url: str) -> AsyncIterator[None]:
    """Nobody can reach this database for a while, and whoever is connected is thrown out."""
    parsed = make_url(url)
    admin = parsed.set(database="postgres").render_as_string(hide_password=False)
    name = parsed.database or ""
    await execute(admin, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    thrown = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    await execute(admin, thrown)
    try:
        yield
    finally:
        await execute(admin, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
