"""Jobs, as clients see them."""

from datetime import datetime
from uuid import UUID

from citewell.api.schemas.fields import Shown
from citewell.domain.jobs import Job, JobKind, JobState


class Progress(Shown):
    """Committed chunks out of all; never goes backwards."""

    done: int
    total: int


class JobError(Shown):
    """What went wrong last."""

    code: str
    reason: str


class JobShown(Shown):
    """A job; `queue_position` counts the queued jobs before it, null in the reply to an upload."""

    id: UUID
    kind: JobKind
    subject: UUID
    state: JobState
    attempts: int
    progress: Progress
    error: JobError | None
    queue_position: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobShown":
        """As the queue says."""
        error = None
        if job.error_code is not None:
            error = JobError(code=job.error_code, reason=job.error_reason or "")
        return cls(
            id=job.id,
            kind=job.kind,
            subject=job.subject,
            state=job.state,
            attempts=job.attempts,
            progress=Progress(done=job.progress_done, total=job.progress_total),
            error=error,
            queue_position=job.queue_position,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class JobPage(Shown):
    """Jobs, newest first."""

    items: list[JobShown]
    next_cursor: str | None
