"""A worker process that dies: its jobs go back at once, and only its own fault counts."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from citewell.domain.ids import TenantId
from citewell.domain.jobs import JobState
from citewell.storage.database import Database
from citewell.worker.supervisor import Supervisor
from tests.unit.worker.conftest import enqueue, latest, until

STAND_IN = """#!{python}
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
name = sys.argv[sys.argv.index("--id") + 1]
os.mkfifo(f"{folder}/{{name}}")
with open(f"{folder}/{{name}}") as orders:
    os.kill(os.getpid(), int(orders.read()))
"""


@dataclass(slots=True)
class Workers:
    """Processes that stand in for workers: each ends by the signal that it is told."""

    folder: Path
    seen: list[UUID] = field(default_factory=list)

    async def next(self) -> UUID:
        """The id of the worker that was started last."""
        found: list[UUID] = []

        async def appeared() -> bool:
            found[:] = [
                UUID(p.name) for p in self.folder.iterdir() if UUID(p.name) not in self.seen
            ]
            return bool(found)

        await until(appeared)
        self.seen += found
        return found[0]

    async def end(self, worker: UUID, by: signal.Signals) -> None:
        await asyncio.to_thread((self.folder / str(worker)).write_text, str(int(by)))


@pytest.fixture
async def workers(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workers]:
    """A supervisor at work; its workers are stand-ins."""
    folder = tmp_path / "workers"
    folder.mkdir()
    program = tmp_path / "worker"
    program.write_text(STAND_IN.format(python=sys.executable, folder=folder), "utf-8")
    program.chmod(0o700)
    monkeypatch.setattr("citewell.worker.supervisor.sys.executable", str(program))
    supervisor = Supervisor(database, dict(os.environ))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(supervisor.run())
        yield Workers(folder)
        running.cancel()


async def _claimed(database: Database, worker: UUID) -> None:
    async with database.system() as system:
        assert await system.claim(worker)


async def test_the_jobs_of_a_killed_worker_are_queued_at_once_and_without_blame(
    workers: Workers, database: Database, tenant: TenantId
) -> None:
    subject = await enqueue(database, tenant)
    for _ in range(4):
        worker = await workers.next()
        await _claimed(database, worker)
        await workers.end(worker, signal.SIGKILL)

        async def queued() -> bool:
            return (await latest(database, tenant, subject)).state is JobState.QUEUED

        await until(queued)
        assert (await latest(database, tenant, subject)).attempts == 0


async def test_a_job_whose_worker_crashes_three_times_is_poison(
    workers: Workers, database: Database, tenant: TenantId
) -> None:
    subject = await enqueue(database, tenant)
    for crash in range(1, 4):
        worker = await workers.next()
        await _claimed(database, worker)
        await workers.end(worker, signal.SIGSEGV)

        async def taken_back() -> bool:
            async with database.system() as system:
                await system.reap()
            return (await latest(database, tenant, subject)).state is not JobState.LEASED

        await until(taken_back)
        failed = (await latest(database, tenant, subject)).state is JobState.FAILED
        assert failed == (crash == 3)
    assert (await latest(database, tenant, subject)).error_code == "poison"
