"""Runs: events are numbered without a gap, and exactly one party ends a run."""

import asyncio
from datetime import UTC, datetime

import pytest

from citewell.domain.errors import LeaseLostError, NotFoundError
from citewell.domain.ids import ConversationId, RunId, TenantId, UserId, new_id
from citewell.domain.passages import Answer
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import append as append_once
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC, Batch
from tests.unit.storage.rows import execute

ADA = UserId(new_id())


@pytest.fixture
async def run(database: Database, tenant: TenantId) -> RunId:
    """A running run."""
    run_id = RunId(new_id())
    async with database.transaction(tenant) as tx:
        conversation = await tx.conversations.create(ADA, "title")
        await tx.runs.create(run_id, conversation, ADA, {"text": "why?"})
    return run_id


async def append(database: Database, tenant: TenantId, run: RunId, *names: str) -> int:
    """Behind whatever is there; somebody else may be faster."""
    seal = await database.seal(tenant)
    while True:
        async with database.transaction(tenant) as tx:
            found = await tx.runs.get(run, ADA)
        batch = Batch(run, found.head, [{"name": name} for name in names])
        try:
            await append_once(database.write, seal, batch)
        except LeaseLostError:
            if found.state is not RunState.RUNNING:
                raise
        else:
            return batch.last


async def events(database: Database, tenant: TenantId, run: RunId, after: int = -1) -> list[int]:
    async with database.transaction(tenant) as tx:
        return [number for number, _ in await tx.runs.events(run, after=after)]


async def test_events_are_numbered_from_zero_in_order(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    assert await append(database, tenant, run, "a", "b") == 1
    assert await append(database, tenant, run) == 1
    assert await append(database, tenant, run, "c") == 2
    async with database.transaction(tenant) as tx:
        stored = await tx.runs.events(run, after=0)
        assert stored == [(1, {"name": "b"}), (2, {"name": "c"})]
        assert [n for n, _ in await tx.runs.events(run, after=-1, limit=2)] == [0, 1]
        found = await tx.runs.get(run, ADA)
    assert (found.head, found.state, found.request) == (2, RunState.RUNNING, {"text": "why?"})
    assert found.created_at < datetime.now(UTC)


async def test_concurrent_writers_leave_no_gap(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    heads = await asyncio.gather(*(append(database, tenant, run, "x", "y") for _ in range(12)))
    assert sorted(heads) == list(range(1, 24, 2))
    assert await events(database, tenant, run) == list(range(24))


async def test_nothing_follows_the_end_of_a_run(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    async with database.transaction(tenant) as tx:
        assert await tx.runs.finish(run, RunState.FINISHED, [{"name": "end"}]) == 0
    with pytest.raises(LeaseLostError):
        await append(database, tenant, run, "late")
    with pytest.raises(LeaseLostError):
        async with database.transaction(tenant) as tx:
            await tx.runs.renew(run)
    assert await events(database, tenant, run) == [0]


async def test_of_all_that_end_a_run_at_once_one_does(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    async def end(state: RunState) -> RunState | None:
        try:
            async with database.transaction(tenant) as tx:
                await tx.runs.finish(run, state, [{"name": state.value}])
        except LeaseLostError:
            return None
        return state

    states = [RunState.FINISHED, RunState.CANCELLED, RunState.FAILED] * 4
    ended = [state for state in await asyncio.gather(*map(end, states)) if state]
    assert len(ended) == 1
    async with database.transaction(tenant) as tx:
        assert await tx.runs.events(run, after=-1) == [(0, {"name": ended[0].value})]
        found = await tx.runs.get(run, ADA)
    assert found.state is ended[0]
    assert found.finished_at is not None


async def test_a_wish_to_cancel_reaches_the_process_that_has_the_run(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    async with database.transaction(tenant) as tx:
        assert await tx.runs.renew(run) is False
        await tx.runs.request_cancel(run)
        assert await tx.runs.renew(run) is True
        await tx.runs.finish(run, RunState.CANCELLED, [])
        await tx.runs.request_cancel(run)
        assert (await tx.runs.get(run, ADA)).state is RunState.CANCELLED


async def test_a_run_whose_lease_ran_out_is_abandoned_until_it_is_renewed(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    async def abandoned() -> list[tuple[TenantId, RunId]]:
        async with database.system() as system:
            return await system.abandoned_runs()

    assert await abandoned() == []
    await execute(database, "UPDATE runs SET lease_until = now() - interval '1 second'")
    assert await abandoned() == [(tenant, run)]
    async with database.transaction(tenant) as tx:
        await tx.runs.renew(run)
    assert await abandoned() == []


async def test_a_conversation_keeps_what_was_said_in_order(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    async with database.transaction(tenant) as tx:
        conversation = (await tx.runs.get(run, ADA)).conversation_id
        await tx.conversations.add_question(conversation, run, "why?")
        answer = Answer("because", (), grounded=0.5, answered=True)
        await tx.conversations.add_answer(conversation, run, answer, partial=True)
    async with database.transaction(tenant) as tx:
        said = await tx.conversations.messages(conversation)
        assert [(m.role, m.text, m.partial) for m in said] == [
            ("user", "why?", False),
            ("assistant", "because", True),
        ]
        with pytest.raises(NotFoundError):
            await tx.conversations.get(ConversationId(new_id()), ADA)


async def test_of_writers_who_have_read_the_same_log_one_goes_on_with_it(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    seal = await database.seal(tenant)

    async def write(name: str) -> bool:
        try:
            await append_once(
                database.write, seal, Batch(run, -1, [{"name": name}, {"name": name}])
            )
        except LeaseLostError:
            return False
        return True

    assert sum(await asyncio.gather(*map(write, "abcdef"))) == 1
    assert await events(database, tenant, run) == [0, 1]
    with pytest.raises(LeaseLostError):
        await append_once(database.write, seal, Batch(run, 0, [{"name": "late"}]))
    await append_once(database.write, seal, Batch(run, 1, [{"name": "next"}]))
    async with database.transaction(tenant) as tx:
        await tx.runs.finish(run, RunState.FINISHED, [])
    with pytest.raises(LeaseLostError):
        await append_once(database.write, seal, Batch(run, 2, [{"name": "late"}]))
    assert await events(database, tenant, run) == [0, 1, 2]


async def test_what_is_appended_is_told_of_when_it_can_be_read(
    database: Database, tenant: TenantId, run: RunId
) -> None:
    notifications = Notifications(database.url)
    listening = asyncio.create_task(notifications.run((RUNS_TOPIC,)))
    async with asyncio.timeout(20), notifications.subscribe(RUNS_TOPIC) as heard:
        assert await heard.next(seconds=20) == ""
        seal = await database.seal(tenant)
        await append_once(database.write, seal, Batch(run, -1, [{"name": "a"}, {"name": "b"}]))
        assert await heard.hear(f":{run}:", seconds=20) == f"{tenant}:{run}:1"
        assert await events(database, tenant, run) == [0, 1]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
