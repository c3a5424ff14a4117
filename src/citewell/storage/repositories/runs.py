"""Runs and their event logs: dense numbers, one terminal event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import eq, lt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from citewell.domain.errors import LeaseLostError, NotFoundError
from citewell.domain.ids import ConversationId, RunId, UserId
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.conversations import conversations, run_events, runs

RUNS_TOPIC = "citewell_runs"
RUN_LEASE_SECONDS = 15

_REQUEST, SEALED_EVENT = "runs.request", "run_events.event"

JsonObject = Mapping[str, Any]

_LEASE = f"now() + make_interval(secs => {RUN_LEASE_SECONDS})"


class RunState(StrEnum):
    """`running` has a live lease or is about to be recovered; `paused` waits for a person."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One turn of the agent; `head` is the number of its last event, -1 before the first."""

    id: RunId
    conversation_id: ConversationId
    user_id: UserId
    state: RunState
    request: JsonObject
    head: int
    cancel_requested: bool
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs to list: those older than `before`, None is any."""

    conversation_id: ConversationId | None = None
    state: RunState | None = None
    before: RunId | None = None
    limit: int = 50


class RunRepository(SealedScope):
    """The runs of one tenant."""

    async def create(
        self,
        run_id: RunId,
        conversation_id: ConversationId,
        user_id: UserId,
        request: JsonObject,
        events: Sequence[JsonObject] = (),
    ) -> Run:
        """A running run, leased to the caller's process, with its first events.

        Nobody is told of them: nobody can follow it yet.
        """
        made = await self.connection.execute(
            insert(runs)
            .values(
                id=run_id,
                tenant_id=self.tenant_id,
                conversation_id=conversation_id,
                user_id=user_id,
                state=RunState.RUNNING.value,
                request=self.seal.json(_REQUEST, run_id, request),
                head=len(events) - 1,
                lease_until=text(_LEASE),
            )
            .returning(runs)
        )
        await self._store(run_id, 0, events)
        return self._run(made.one())

    async def get(self, run_id: RunId, user_id: UserId) -> Run:
        """Raises `NotFoundError` when this user has no such run."""
        found = await self.connection.execute(
            select(runs)
            .join(conversations, conversations.c.id == runs.c.conversation_id)
            .where(self._mine(run_id), conversations.c.user_id == user_id)
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No run {run_id}.")
        return self._run(row)

    async def page(self, user_id: UserId, query: RunQuery) -> Sequence[Run]:
        """This user's runs, the newest first."""
        asked = [
            (runs.c.conversation_id, query.conversation_id, eq),
            (runs.c.state, query.state, eq),
            (runs.c.id, query.before, lt),
        ]
        found = await self.connection.execute(
            select(runs)
            .join(conversations, conversations.c.id == runs.c.conversation_id)
            .where(
                runs.c.tenant_id == self.tenant_id,
                conversations.c.user_id == user_id,
                *(is_so(column, value) for column, value, is_so in asked if value is not None),
            )
            .order_by(runs.c.id.desc())
            .limit(query.limit)
        )
        return [self._run(row) for row in found]

    async def append(self, run_id: RunId, events: Sequence[JsonObject]) -> int:
        """Number and store events; returns the last number. Raises `LeaseLostError`."""
        return await self._append(run_id, events, lease_until=text(_LEASE))

    async def finish(self, run_id: RunId, state: RunState, events: Sequence[JsonObject]) -> int:
        """As `append` for the last events of a run; nothing can follow. Raises `LeaseLostError`."""
        return await self._append(
            run_id, events, state=state.value, finished_at=func.now(), lease_until=None
        )

    async def pause(self, run_id: RunId, events: Sequence[JsonObject]) -> int:
        """As `finish`, for a run that another one may go on from: `release` is what ends it."""
        return await self._append(run_id, events, state=RunState.PAUSED.value, lease_until=None)

    async def release(self, run_id: RunId, state: RunState) -> bool:
        """End a run that waits; whether it did."""
        done = await self.connection.execute(
            update(runs)
            .where(self._mine(run_id), runs.c.state == RunState.PAUSED.value)
            .values(state=state.value, finished_at=func.now())
        )
        return bool(done.rowcount)

    async def renew(self, run_id: RunId) -> bool:
        """Extend the lease of a running run; returns whether somebody asked to cancel it.

        Raises `LeaseLostError` when it has ended.
        """
        done = await self.connection.execute(
            update(runs)
            .where(self._mine(run_id), self._running())
            .values(lease_until=text(_LEASE))
            .returning(runs.c.cancel_requested)
        )
        cancel = done.scalar_one_or_none()
        if cancel is None:
            raise LeaseLostError(f"Run {run_id} has ended.")
        return bool(cancel)

    async def request_cancel(self, run_id: RunId) -> None:
        """Ask the process that has the run to stop it; no effect on a run that has ended."""
        await self.connection.execute(
            update(runs).where(self._mine(run_id), self._running()).values(cancel_requested=True)
        )
        await self.connection.execute(select(self._told(run_id, literal("cancel"))))

    async def events(
        self, run_id: RunId, *, after: int, limit: int = 500
    ) -> list[tuple[int, JsonObject]]:
        """(number, event) strictly after `after`, in order."""
        found = await self.connection.execute(
            select(run_events.c.seq, run_events.c.event)
            .where(
                run_events.c.tenant_id == self.tenant_id,
                run_events.c.run_id == run_id,
                run_events.c.seq > after,
            )
            .order_by(run_events.c.seq)
            .limit(limit)
        )
        return [
            (row.seq, self.seal.open_json(SEALED_EVENT, f"{run_id}/{row.seq}", row.event))
            for row in found
        ]

    def _run(self, row: Row[*tuple[Any, ...]]) -> Run:
        return Run(
            id=RunId(row.id),
            conversation_id=ConversationId(row.conversation_id),
            user_id=UserId(row.user_id),
            state=RunState(row.state),
            request=self.seal.open_json(_REQUEST, row.id, row.request),
            head=row.head,
            cancel_requested=row.cancel_requested,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )

    async def _append(self, run_id: RunId, events: Sequence[JsonObject], **values: Any) -> int:
        done = await self.connection.execute(
            update(runs)
            .where(self._mine(run_id), self._running())
            .values(head=runs.c.head + len(events), **values)
            .returning(runs.c.head, self._told(run_id, cast(runs.c.head, Text)))
        )
        head = done.scalar_one_or_none()
        if head is None:
            raise LeaseLostError(f"Run {run_id} has ended.")
        await self._store(run_id, head - len(events) + 1, events)
        return int(head)

    async def _store(self, run_id: RunId, first: int, events: Sequence[JsonObject]) -> None:
        rows = [
            {
                "tenant_id": self.tenant_id,
                "run_id": run_id,
                "seq": seq,
                "event": self.seal.json(SEALED_EVENT, f"{run_id}/{seq}", event),
            }
            for seq, event in enumerate(events, first)
        ]
        if rows:
            await self.connection.execute(insert(run_events), rows)

    def _told(self, run_id: RunId, what: ColumnElement[str]) -> ColumnElement[Any]:
        """Tells whoever follows the run, once this is committed."""
        return func.pg_notify(RUNS_TOPIC, literal(f"{self.tenant_id}:{run_id}:") + what)

    def _mine(self, run_id: RunId) -> ColumnElement[bool]:
        return (runs.c.tenant_id == self.tenant_id) & (runs.c.id == run_id)

    def _running(self) -> ColumnElement[bool]:
        return runs.c.state == RunState.RUNNING.value
