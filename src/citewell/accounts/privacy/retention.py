"""What is removed by itself when its time has come, a bounded number at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from citewell.domain.ids import TenantId
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repositories.privacy.clocks import BATCH
from citewell.storage.transaction import Transaction
from citewell.telemetry import metrics

# The next sweep goes on where this one stopped.
MOST_STEPS = 100
# No count of attempts to sign in looks back so far.
GUESSES_LAST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Days; None means until somebody removes it."""

    conversation_days: float | None
    event_days: float | None
    export_days: float


@dataclass(frozen=True, slots=True)
class Retention:
    """The clocks of every tenant."""

    database: Database
    blobs: BlobStore
    clocks: Clocks

    async def sweep(self) -> None:
        """Remove what is due; one transaction for each `BATCH`."""
        async with self.database.installation() as whole:
            await whole.forget_guesses(older_than=GUESSES_LAST)
            tenants = await whole.tenants.every()
        for tenant_id in tenants:
            await self._step_through(tenant_id, "replies", lambda tx: tx.clocks.replies())
            await self._exports(tenant_id)
            if (days := self.clocks.conversation_days) is not None:
                await self._step_through(tenant_id, "conversations", _conversations_of(days))
            if (days := self.clocks.event_days) is not None:
                await self._step_through(tenant_id, "events", _events_of(days))

    async def _exports(self, tenant_id: TenantId) -> None:
        async def step(tx: Transaction) -> int:
            gone = await tx.clocks.exports(days=self.clocks.export_days)
            # A file that a crash leaves behind here is swept as an orphan.
            await self.blobs.delete([key for key in gone if key is not None])
            return len(gone)

        await self._step_through(tenant_id, "exports", step)

    async def _step_through(
        self, tenant_id: TenantId, kind: str, step: Callable[[Transaction], Awaitable[int]]
    ) -> None:
        for _ in range(MOST_STEPS):
            async with self.database.transaction(tenant_id) as tx:
                removed = await step(tx)
            metrics.expired.labels(kind).inc(removed)
            if removed < BATCH:
                return


def _conversations_of(days: float) -> Callable[[Transaction], Awaitable[int]]:
    return lambda tx: tx.clocks.conversations(days=days)


def _events_of(days: float) -> Callable[[Transaction], Awaitable[int]]:
    return lambda tx: tx.clocks.events(days=days)
