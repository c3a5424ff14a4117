"""The desk of a run: its state and its approvals, each in a short transaction of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from citewell.agent.desk import Desk, Kept
from citewell.domain.errors import UnavailableError
from citewell.domain.ids import RunId, TenantId
from citewell.domain.runs.approvals import Begun, Decision, Outcome
from citewell.storage.database import Database
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

OUTAGE_SECONDS = 30.0
FIRST_RETRY_SECONDS = 0.1
MOST_RETRY_SECONDS = 2.0

Found = TypeVar("Found")

log = logger(__name__)


@dataclass(slots=True)
class RunDesk:
    """What is behind the `Desk` of `run_id`; `is_used` once anything is kept for it.

    `thread` is the run in which it all began, the run itself unless it goes on from another.
    """

    database: Database
    tenant_id: TenantId
    run_id: RunId
    thread: RunId
    is_used: bool = False

    @property
    def desk(self) -> Desk:
        """As the agent sees it."""
        return Desk(self.load, self.keep, self.write, self.begin, self.end)

    async def load(self) -> Kept | None:
        """What was kept last."""
        found = await self.persist(lambda tx: tx.checkpoints.load(self.thread))
        if found is None:
            return None
        self.is_used = True
        checkpoint_id, content, writes = found
        return Kept(checkpoint_id, content, tuple(writes))

    async def keep(self, state: Kept) -> None:
        """Keep this instead; raises `LeaseLostError` when the run has ended elsewhere."""

        async def keep(tx: Transaction) -> None:
            # Under the lock of the run's row: what has ended must leave nothing behind.
            await tx.runs.renew(self.run_id)
            await tx.checkpoints.keep(self.thread, self.run_id, state.checkpoint_id, state.content)

        self.is_used = True
        await self.persist(keep)

    async def write(self, checkpoint_id: str, writes: tuple[str, ...]) -> None:
        """Add writes to this state."""
        if self.is_used:
            await self.persist(lambda tx: tx.checkpoints.write(self.thread, checkpoint_id, writes))

    async def begin(self, decision: Decision) -> Begun:
        """Use an approval, unless the run has ended elsewhere (`LeaseLostError`)."""
        # Tried once: after a broken connection nobody knows whether it was used.
        async with self.database.transaction(self.tenant_id) as tx:
            await tx.runs.renew(self.run_id)
            return await tx.approvals.begin(decision)

    async def end(self, decision: Decision, outcome: Outcome) -> None:
        """What came of the call."""
        await self.persist(lambda tx: tx.approvals.end(decision, outcome))

    async def persist(self, write: Callable[[Transaction], Awaitable[Found]]) -> Found:
        """What `write` gives, in a transaction of its own, tried again as `patiently` does."""

        async def write_once() -> Found:
            async with self.database.transaction(self.tenant_id) as tx:
                return await write(tx)

        return await self.patiently(write_once)

    async def patiently(self, write: Callable[[], Awaitable[Found]]) -> Found:
        """What `write` gives, tried again while nobody is there.

        Raises `UnavailableError` when the database is away for longer than `OUTAGE_SECONDS`. After
        a broken connection nobody knows whether a transaction was committed: `write` has to bear
        it.
        """
        deadline = time.monotonic() + OUTAGE_SECONDS
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                return await write()
            except UnavailableError:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("run.waiting_for_database", run=str(self.run_id))
                await asyncio.sleep(pause)
                pause = min(2 * pause, MOST_RETRY_SECONDS)
