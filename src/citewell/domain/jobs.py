"""Background work: a row with a lease, never a message."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from citewell.domain.ids import JobId, TenantId


class JobState(StrEnum):
    """A job never disappears, and is never `leased` without a live lease."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    """What a worker can do."""

    INGEST = "ingest"
    PURGE = "purge"
    EXPORT = "export"
    ERASE = "erase"
    RESEAL = "reseal"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work about one `subject`.

    The subject is a document version for `ingest`, a document for `purge`, the row of the request
    for `export` and `erase`, a data key for `reseal`.

    `progress_done`/`progress_total` count committed chunks; they never go backwards.
    `queue_position` is None where nobody has counted: of a job that is not queued, or is new.
    """

    id: JobId
    tenant_id: TenantId
    kind: JobKind
    subject: UUID
    state: JobState
    priority: int
    attempts: int
    progress_done: int
    progress_total: int
    error_code: str | None
    error_reason: str | None
    queue_position: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job until `until` (the database's clock); `token` fences writes.

    A `fresh` job is about a short text that nobody has begun to read: it may go with others.
    """

    job: Job
    token: UUID
    until: datetime
    fresh: bool = False
