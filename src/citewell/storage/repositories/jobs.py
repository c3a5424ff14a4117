"""Jobs of one tenant: asked for, watched, and written to under a lease."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, select, text, update

from citewell.domain.errors import ConflictError, LeaseLostError, NotFoundError
from citewell.domain.ids import JobId, TenantId, new_id
from citewell.domain.jobs import Job, JobKind, JobState, Lease
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.documents import jobs

JOBS_TOPIC = "citewell_jobs"

OPEN = (JobState.QUEUED.value, JobState.LEASED.value)


class JobRepository(Scope):
    """The jobs of one tenant."""

    async def enqueue(
        self, kind: JobKind, subject: UUID, *, priority: int = 0, seconds: float = 0.0
    ) -> JobId:
        """Put a job in the queue; a worker hears of it when this transaction commits.

        It is not begun before so many `seconds` have passed.
        """
        job_id = JobId(new_id())
        await self.connection.execute(
            insert(jobs).values(
                id=job_id,
                tenant_id=self.tenant_id,
                kind=kind.value,
                subject=subject,
                state=JobState.QUEUED.value,
                priority=priority,
                run_after=func.now() + timedelta(seconds=seconds),
            )
        )
        await self.connection.execute(select(func.pg_notify(JOBS_TOPIC, str(job_id))))
        return job_id

    async def get(self, job_id: JobId) -> Job:
        """Raises `NotFoundError`."""
        found = await self._select(jobs.c.id == job_id)
        if not found:
            raise NotFoundError(f"No job {job_id}.")
        return found[0]

    async def page(
        self, *, state: JobState | None = None, before: JobId | None = None, limit: int = 50
    ) -> Sequence[Job]:
        """Newest first."""
        conditions: list[ColumnElement[bool]] = []
        if state is not None:
            conditions.append(jobs.c.state == state.value)
        if before is not None:
            conditions.append(jobs.c.id < before)
        return await self._select(*conditions, limit=limit)

    async def latest_of(self, subject: UUID) -> Job | None:
        """The newest job about `subject`."""
        found = await self._select(jobs.c.subject == subject)
        return found[0] if found else None

    async def cancel(self, job_id: JobId) -> Job:
        """End a job that is not finished; its worker's next write is refused.

        Raises `NotFoundError`, and `ConflictError` when it has ended.
        """
        done = await self.connection.execute(
            update(jobs)
            .where(self._mine(job_id), jobs.c.state.in_(OPEN))
            .values(state=JobState.CANCELLED.value, lease_token=None, finished_at=func.now())
        )
        job = await self.get(job_id)
        if done.rowcount == 0:
            raise ConflictError(f"Job {job_id} has ended already ({job.state.value}).")
        return job

    async def cancel_all_of(self, subjects: Sequence[UUID]) -> None:
        """End every unfinished job about these subjects."""
        await self.connection.execute(
            update(jobs)
            .where(
                jobs.c.tenant_id == self.tenant_id,
                jobs.c.subject.in_(subjects),
                jobs.c.state.in_(OPEN),
            )
            .values(state=JobState.CANCELLED.value, lease_token=None, finished_at=func.now())
        )

    async def hold(self, lease: Lease) -> None:
        """Pass, holding the job's row until the end of this transaction, or `LeaseLostError`."""
        held = await self.connection.execute(
            select(jobs.c.id).where(self._leased(lease)).with_for_update()
        )
        if held.one_or_none() is None:
            raise LeaseLostError(f"The lease of job {lease.job.id} has passed to another worker.")

    async def progress(self, lease: Lease, *, done: int, total: int) -> None:
        """Committed work; resets the count of attempts. Raises `LeaseLostError`."""
        await self._write(
            lease,
            progress_done=func.greatest(jobs.c.progress_done, done),
            progress_total=total,
            attempts=1,
        )

    async def finish(self, lease: Lease) -> None:
        """Done. Raises `LeaseLostError`."""
        await self._write(
            lease,
            state=JobState.DONE.value,
            lease_token=None,
            error_code=None,
            error_reason=None,
            finished_at=func.now(),
        )

    async def fail(self, lease: Lease, code: str, reason: str) -> None:
        """Ended for good with a reason. Raises `LeaseLostError`."""
        await self._write(
            lease,
            state=JobState.FAILED.value,
            lease_token=None,
            error_code=code,
            error_reason=reason,
            finished_at=func.now(),
        )

    async def retry_later(self, lease: Lease, code: str, reason: str, *, seconds: float) -> None:
        """Back to the queue, to run after `seconds`. Raises `LeaseLostError`."""
        await self._write(
            lease,
            state=JobState.QUEUED.value,
            lease_token=None,
            error_code=code,
            error_reason=reason,
            run_after=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
        )

    async def crashed(self, lease: Lease) -> int:
        """Count one crash that the job itself caused; returns how many. Raises `LeaseLostError`."""
        done = await self.connection.execute(
            update(jobs)
            .where(self._leased(lease))
            .values(crashes=jobs.c.crashes + 1)
            .returning(jobs.c.crashes)
        )
        crashes = done.scalar_one_or_none()
        if crashes is None:
            raise LeaseLostError(f"The lease of job {lease.job.id} has passed to another worker.")
        return int(crashes)

    async def _write(self, lease: Lease, **values: Any) -> None:
        done = await self.connection.execute(
            update(jobs).where(self._leased(lease)).values(**values)
        )
        if done.rowcount == 0:
            raise LeaseLostError(f"The lease of job {lease.job.id} has passed to another worker.")

    async def _select(self, *conditions: ColumnElement[bool], limit: int = 1) -> list[Job]:
        ahead = jobs.alias()
        position = (
            select(func.count())
            .select_from(ahead)
            .where(ahead.c.state == JobState.QUEUED.value, ahead.c.id < jobs.c.id)
            .scalar_subquery()
        )
        rows = await self.connection.execute(
            select(jobs, position.label("position"))
            .where(jobs.c.tenant_id == self.tenant_id, *conditions)
            .order_by(jobs.c.id.desc())
            .limit(limit)
        )
        return [to_job(row, row.position) for row in rows]

    def _mine(self, job_id: JobId) -> ColumnElement[bool]:
        return (jobs.c.tenant_id == self.tenant_id) & (jobs.c.id == job_id)

    def _leased(self, lease: Lease) -> ColumnElement[bool]:
        return (
            self._mine(lease.job.id)
            & (jobs.c.state == JobState.LEASED.value)
            & (jobs.c.lease_token == lease.token)
            & (jobs.c.lease_until > text("clock_timestamp()"))
        )


def to_job(row: Row[Any], position: int | None = None) -> Job:
    """A row of `jobs`; `position` counts the queued jobs before it."""
    return Job(
        id=JobId(row.id),
        tenant_id=TenantId(row.tenant_id),
        kind=JobKind(row.kind),
        subject=row.subject,
        state=JobState(row.state),
        priority=row.priority,
        attempts=row.attempts,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        error_code=row.error_code,
        error_reason=row.error_reason,
        queue_position=position if row.state == JobState.QUEUED.value else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
