"""Runs and their event logs: dense numbers, one terminal event."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, lt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    bindparam,
    func,
    select,
    text,
    update,
)

from citewell.domain.errors import LeaseLostError, NotFoundError
from citewell.domain.ids import ConversationId, RunId, UserId
from citewell.domain.runs.states import RunState
from citewell.storage.repositories.conversing.run_log import (
    APPEND,
    RUN_LEASE_SECONDS,
    RUNS_TOPIC,
    SEALED_EVENT,
    Batch,
    JsonObject,
    appended,
    sealed,
)
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.conversations import conversations, run_events, runs

_REQUEST = "runs.request"

_LEASE = f"now() + make_interval(secs => {RUN_LEASE_SECONDS})"


# Composed once: every question makes a run, which grows.
_LOCKED = (
    select(runs.c.head)
    .where(
        runs.c.tenant_id == bindparam("tenant"),
        runs.c.id == bindparam("run"),
        runs.c.state == RunState.RUNNING.value,
    )
    .with_for_update()
)
_MADE = text(
    "WITH made AS (INSERT INTO runs"
    "  (id, tenant_id, conversation_id, user_id, state, request, head, lease_until)"
    "  VALUES (:run, :tenant, :conversation, :user, 'running', CAST(:request AS jsonb), :head,"
    "   now() + make_interval(secs => :lease)) RETURNING *),"
    " stored AS (INSERT INTO run_events (tenant_id, run_id, seq, event)"
    "  SELECT made.tenant_id, made.id, e.place - 1, e.event"
    "  FROM made, unnest(CAST(:events AS jsonb[])) WITH ORDINALITY AS e (event, place))"
    " SELECT * FROM made"
)


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
        batch = Batch(run_id, -1, events)
        values = {
            "run": run_id,
            "tenant": self.tenant_id,
            "conversation": conversation_id,
            "user": user_id,
            "request": json.dumps(self.seal.json(_REQUEST, run_id, request)),
            "head": batch.last,
            "lease": RUN_LEASE_SECONDS,
            "events": sealed(self.seal, batch),
        }
        return self._run((await self.connection.execute(_MADE, values)).one())

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

    async def finish(self, run_id: RunId, state: RunState, events: Sequence[JsonObject]) -> int:
        """Number and store the last events of a run; nothing can follow.

        Returns the last number. Raises `LeaseLostError`.
        """
        return await self._append(run_id, events, state)

    async def pause(self, run_id: RunId, events: Sequence[JsonObject]) -> int:
        """As `finish`, for a run that another one may go on from: `release` is what ends it."""
        return await self._append(run_id, events, RunState.PAUSED)

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
        told = func.pg_notify(RUNS_TOPIC, f"{self.tenant_id}:{run_id}:cancel")
        await self.connection.execute(select(told))

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

    async def _append(self, run_id: RunId, events: Sequence[JsonObject], state: RunState) -> int:
        values = {"tenant": self.tenant_id, "run": run_id}
        head = (await self.connection.execute(_LOCKED, values)).scalar_one_or_none()
        if head is None:
            raise LeaseLostError(f"Run {run_id} has ended.")
        stored = appended(self.seal, Batch(run_id, head, events), state)
        await self.connection.execute(APPEND, stored)
        return int(stored["last"])

    def _mine(self, run_id: RunId) -> ColumnElement[bool]:
        return (runs.c.tenant_id == self.tenant_id) & (runs.c.id == run_id)

    def _running(self) -> ColumnElement[bool]:
        return runs.c.state == RunState.RUNNING.value
