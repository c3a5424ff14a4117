"""What is kept for a time only; every step removes a bounded number of rows."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text

from citewell.storage.repositories.idempotency import KEPT_HOURS
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.conversations import conversations, run_events, runs
from citewell.storage.tables.privacy import exports
from citewell.storage.tables.tenancy import idempotency

BATCH = 1_000
DAY_SECONDS = 86_400.0


class ClockRepository(Scope):
    """The old rows of one tenant; each method says how many it removed, at most `BATCH`."""

    async def conversations(self, *, days: float) -> int:
        """Conversations in which nothing was asked for so long, with all that is in them."""
        lately = exists().where(
            runs.c.conversation_id == conversations.c.id,
            or_(runs.c.created_at >= _ago(days), runs.c.finished_at.is_(None)),
        )
        old = (
            select(conversations.c.id)
            .where(
                conversations.c.tenant_id == self.tenant_id,
                conversations.c.created_at < _ago(days),
                ~lately,
            )
            .limit(BATCH)
        )
        done = await self.connection.execute(
            delete(conversations).where(conversations.c.id.in_(old))
        )
        return int(done.rowcount)

    async def events(self, *, days: float) -> int:
        """Event logs of that many runs which ended so long ago."""
        ended = (
            select(runs.c.id)
            .where(
                runs.c.tenant_id == self.tenant_id,
                runs.c.finished_at < _ago(days),
                exists().where(run_events.c.run_id == runs.c.id),
            )
            .limit(BATCH)
        )
        old = (await self.connection.execute(ended)).scalars().all()
        await self.connection.execute(delete(run_events).where(run_events.c.run_id.in_(old)))
        return len(old)

    async def exports(self, *, days: float) -> list[str | None]:
        """Copies that were asked for so long ago; their blobs, None for one that was not made."""
        old = (
            select(exports.c.id)
            .where(exports.c.tenant_id == self.tenant_id, exports.c.created_at < _ago(days))
            .limit(BATCH)
        )
        gone = await self.connection.execute(
            delete(exports).where(exports.c.id.in_(old)).returning(exports.c.blob_key)
        )
        return list(gone.scalars())

    async def replies(self) -> int:
        """Replies to requests that nobody can repeat any more."""
        old = (
            select(idempotency.c.id)
            .where(
                idempotency.c.tenant_id == self.tenant_id,
                idempotency.c.created_at < _ago(KEPT_HOURS / 24),
            )
            .limit(BATCH)
        )
        done = await self.connection.execute(delete(idempotency).where(idempotency.c.id.in_(old)))
        return int(done.rowcount)


def _ago(days: float) -> ColumnElement[datetime]:
    age = text("make_interval(secs => :seconds)").bindparams(seconds=days * DAY_SECONDS)
    return func.now() - age
