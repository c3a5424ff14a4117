"""Questions to a person about a call of a tool: asked once, answered once, used once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from citewell.domain.errors import ConflictError, GoneError
from citewell.domain.ids import ApprovalId, RunId, UserId, new_id
from citewell.domain.runs.approvals import Approval, Begun, Decision, Outcome, Standing, Wanted
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.approvals import approvals

# A run may take that long, and what it was allowed must not outlive it.
USABLE_SECONDS = 300

_ARGUMENTS, _OUTCOME = "approvals.arguments", "approvals.outcome"


class ApprovalRepository(SealedScope):
    """The questions of one tenant's runs."""

    async def ask(
        self, run_id: RunId, user_id: UserId, wanted: Wanted, *, seconds: float
    ) -> Approval:
        """A question to this user, who has so many seconds to answer it."""
        approval_id = ApprovalId(new_id())
        made = await self.connection.execute(
            insert(approvals)
            .values(
                id=approval_id,
                tenant_id=self.tenant_id,
                run_id=run_id,
                thread_id=wanted.thread,
                user_id=user_id,
                number=wanted.number,
                tool=wanted.tool,
                arguments=self.seal.json(_ARGUMENTS, approval_id, dict(wanted.arguments)),
                digest=wanted.digest,
                labels=list(wanted.labels),
                state=Standing.ASKED.value,
                expires_at=_in(seconds),
            )
            .returning(approvals)
        )
        return self._approval(made.one())

    async def of(self, run_id: RunId) -> Approval | None:
        """What this run waits for, if it still waits."""
        found = await self.connection.execute(
            select(approvals).where(self._here(), approvals.c.run_id == run_id, _is(Standing.ASKED))
        )
        row = found.one_or_none()
        return None if row is None else self._approval(row)

    async def decide(
        self, run_id: RunId, user_id: UserId, approval_id: UUID, *, approved: bool
    ) -> Approval:
        """The person's word: the first one counts. An approval has to be used soon.

        Raises `GoneError` when the time is over, and `ConflictError` when it is decided already or
        this run asks this user no such thing.
        """
        found = await self.connection.execute(
            select(approvals, (approvals.c.expires_at <= func.now()).label("late"))
            .where(
                self._here(),
                approvals.c.id == approval_id,
                approvals.c.run_id == run_id,
                approvals.c.user_id == user_id,
            )
            .with_for_update()
        )
        row = found.one_or_none()
        if row is None:
            raise ConflictError(
                f"The run {run_id} does not wait for an answer to {approval_id}.",
                hint="Send the `id` of an interrupt in the run's last event.",
            )
        late = row.state == Standing.ASKED and row.late
        if late or row.state == Standing.EXPIRED:
            raise GoneError("The time to decide about this call is over.", hint="Ask again.")
        if row.state != Standing.ASKED:
            raise ConflictError(f"This was decided already: {row.state}.", hint="Ask again.")
        state = Standing.APPROVED if approved else Standing.REFUSED
        await self._set(row.id, state, decided_at=func.now(), expires_at=_in(USABLE_SECONDS))
        return self._approval(row)

    async def begin(self, decision: Decision) -> Begun:
        """Use the approval; only the first time, in time, and for its own digest, it may run."""
        begun = await self.connection.execute(
            update(approvals)
            .where(
                self._of(decision),
                _is(Standing.APPROVED),
                approvals.c.expires_at > func.now(),
            )
            .values(state=Standing.BEGUN.value)
            .returning(approvals.c.id)
        )
        if begun.one_or_none() is not None:
            return Begun(may_run=True)
        found = await self.connection.execute(select(approvals).where(self._of(decision)))
        row = found.one_or_none()
        if row is None or row.state not in {Standing.BEGUN, Standing.DONE}:
            return Begun(may_run=False)
        if row.outcome is None:
            return Begun(may_run=False, is_unknown=True)
        held = self.seal.open_json(_OUTCOME, row.id, row.outcome)
        return Begun(may_run=False, before=Outcome(held["text"], held["failed"]))

    async def end(self, decision: Decision, outcome: Outcome) -> None:
        """What came of the call; no effect on one that was not begun."""
        held = {"text": outcome.text, "failed": outcome.failed}
        await self.connection.execute(
            update(approvals)
            .where(self._of(decision), _is(Standing.BEGUN))
            .values(
                state=Standing.DONE.value,
                ended_at=func.now(),
                outcome=self.seal.json(_OUTCOME, decision.approval_id, held),
            )
        )

    async def withdraw(self, run_id: RunId, standing: Standing) -> Approval | None:
        """End the question of a run that waits, unanswered; None when it waits for nothing."""
        approval = await self.of(run_id)
        if approval is None:
            return None
        ended = await self._set(approval.id, standing, decided_at=func.now())
        return approval if ended else None

    async def _set(self, approval_id: UUID, state: Standing, **values: Any) -> bool:
        done = await self.connection.execute(
            update(approvals)
            .where(self._here(), approvals.c.id == approval_id, _is(Standing.ASKED))
            .values(state=state.value, **values)
        )
        return bool(done.rowcount)

    def _of(self, decision: Decision) -> ColumnElement[bool]:
        return (
            self._here()
            & (approvals.c.id == decision.approval_id)
            & (approvals.c.thread_id == decision.thread)
            & (approvals.c.digest == decision.digest)
        )

    def _here(self) -> ColumnElement[bool]:
        return approvals.c.tenant_id == self.tenant_id

    def _approval(self, row: Row[Any]) -> Approval:
        arguments = self.seal.open_json(_ARGUMENTS, row.id, row.arguments)
        wanted = Wanted(
            RunId(row.thread_id), row.number, row.tool, arguments, row.digest, tuple(row.labels)
        )
        return Approval(
            ApprovalId(row.id),
            RunId(row.run_id),
            wanted,
            Standing(row.state),
            row.asked_at,
            row.expires_at,
        )


def _is(standing: Standing) -> ColumnElement[bool]:
    return approvals.c.state == standing.value


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
