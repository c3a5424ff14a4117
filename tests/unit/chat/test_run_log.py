"""A log stays right when the connection to the database does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import TextClause

from citewell.chat.log import RunLog
from citewell.chat.narration import Ending, Narration
from citewell.domain.errors import UnavailableError
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.domain.run_events import TextProduced
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.once import Row
from citewell.storage.database import Database
from citewell.storage.transaction import Transaction
from citewell.telemetry.tasks import Tasks
from tests.unit.chat.scripted import Scripted, check_order, follow, serving, story, until_true
from tests.unit.chat.stored import begun, head, messages


@dataclass(frozen=True)
class Unreliable(Database):
    """A database whose connection breaks, sometimes after the commit has happened."""

    faults: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def transaction(self, who: Principal | TenantId) -> AsyncIterator[Transaction]:
        with self._broken():
            async with super().transaction(who) as tx:
                yield tx

    async def write(
        self, who: Principal | TenantId, statement: TextClause, values: Mapping[str, Any]
    ) -> list[Row]:
        with self._broken():
            return await super().write(who, statement, values)

    @contextmanager
    def _broken(self) -> Iterator[None]:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise UnavailableError("The database cannot be reached.")
        yield
        if fault == "after":
            raise UnavailableError("The database cannot be reached.")


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(faults=st.lists(st.sampled_from(["", "before", "after"]), max_size=4))
async def test_nothing_is_stored_twice_when_a_commit_succeeds_without_an_answer(
    database: Database, asker: Principal, faults: list[str]
) -> None:
    run = await begun(database, asker)
    unreliable = Unreliable(database.engine, database.url, database.vault, faults)
    run_log = RunLog(unreliable, asker.tenant_id, run, Narration(run.id))
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(run_log.keep())
        for event in story():
            await run_log.add(event)
        await run_log.add(TextProduced("late"))
        run_log.stop()
        await keeping
    await run_log.end(Ending(RunState.FINISHED))
    async with serving(database, Scripted([]), Tasks()) as chat:
        numbered = await follow(chat, asker, run.id)
    check_order([event for _, event in numbered])
    assert [number for number, _ in numbered] == list(range(len(numbered)))
    assert numbered[-1][1]["type"] == "RUN_FINISHED"
    said = await messages(database, asker, run)
    assert [m.text for m in said] == ["The tower has seven doors. [1]"]


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_batch_that_was_perhaps_stored_is_stored_once(
    database: Database, asker: Principal, fault: str
) -> None:
    run = await begun(database, asker)
    unreliable = Unreliable(database.engine, database.url, database.vault, [fault])
    run_log = RunLog(unreliable, asker.tenant_id, run, Narration(run.id))
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(run_log.keep())
        await run_log.add(TextProduced("The tower"))

        async def stored() -> bool:
            return await head(database, asker, run) >= 2 and not unreliable.faults

        await until_true(stored)
        await run_log.add(TextProduced(" has"))
        run_log.stop()
        await keeping
    await run_log.end(Ending(RunState.CANCELLED))
    async with serving(database, Scripted([]), Tasks()) as chat:
        events = [event for _, event in await follow(chat, asker, run.id)]
    check_order(events)
    deltas = [event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT"]
    assert deltas == ["The tower", " has"]
