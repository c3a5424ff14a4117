"""Keeps worker processes running beside the server; a worker that dies is started again."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from citewell.domain.errors import UnavailableError
from citewell.storage.database import Database
from citewell.telemetry.logs import logger

STOP_SECONDS = 15.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
HEALTHY_SECONDS = 30.0

log = logger(__name__)


@dataclass(slots=True)
class Supervisor:
    """Runs `citewell worker` processes as children; they end when this process ends."""

    database: Database
    environment: Mapping[str, str]
    _children: set[asyncio.subprocess.Process] = field(default_factory=set)

    async def run(self) -> None:
        """Start a worker, wait for its end, tell why, start the next; until cancelled."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            worker_id = uuid4()
            began = loop.time()
            status = await self._one(worker_id)
            if loop.time() - began > HEALTHY_SECONDS:
                pause = FIRST_PAUSE
            log.warning("worker.ended", status=status, again_in_seconds=pause)
            await self._settle(worker_id, status)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _one(self, worker_id: UUID) -> int:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "citewell.cli.main",
            "worker",
            "--id",
            str(worker_id),
            "--die-with-parent",
            env=self.environment,
        )
        self._children.add(child)
        try:
            return await child.wait()
        finally:
            self._children.discard(child)
            await _end(child)

    async def _settle(self, worker_id: UUID, status: int) -> None:
        """Take back at once what the worker held; only its own fault counts against the job."""
        try:
            async with self.database.system() as system:
                if _own_fault(status):
                    await system.blame(worker_id)
                else:
                    await system.release(worker_id)
        except UnavailableError:
            log.warning("worker.leases_run_out")  # They do so by themselves in 15 s.


def _own_fault(status: int) -> bool:
    return -status in {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
