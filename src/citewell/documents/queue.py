"""The queue as its owner sees it: watch jobs, stop them, have them done again."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.documents import DocumentStatus
from citewell.domain.errors import ConflictError
from citewell.domain.ids import DocumentId, JobId, VersionId
from citewell.domain.jobs import Job, JobKind, JobState
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.transaction import Transaction

ENDED_EARLY = frozenset({JobState.FAILED, JobState.CANCELLED})
CANCELLED = ("cancelled", "Its job was cancelled; retry the job to have it read.")


@dataclass(frozen=True, slots=True)
class JobQueue:
    """Every method raises `DeniedError`, and `NotFoundError` for ids outside the tenant."""

    database: Database

    async def page(
        self,
        principal: Principal,
        *,
        state: JobState | None = None,
        before: JobId | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            return await tx.jobs.page(state=state, before=before, limit=limit)

    async def get(self, principal: Principal, job_id: JobId) -> Job:
        """One job."""
        principal.require(Scope.DOCUMENTS_READ)
        async with self.database.transaction(principal) as tx:
            return await tx.jobs.get(job_id)

    async def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """End a job; a document that was never read says so, an earlier version serves on.

        Raises `ConflictError` for a job that has ended and for a removal, which must go on.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        async with self.database.transaction(principal) as tx:
            job = await tx.jobs.get(job_id)
            if job.kind is JobKind.RESEAL:
                raise ConflictError("Sealing cannot be stopped: some of it is done already.")
            if job.kind is JobKind.PURGE:
                raise ConflictError("A removal cannot be stopped: its document is gone already.")
            if job.kind is JobKind.ERASE:
                raise ConflictError("An erasure cannot be stopped once it was asked for.")
            cancelled = await tx.jobs.cancel(job_id)
            await self._say(tx, job, cancelled=True)
            await tx.audit.record(principal.user_id, "job.cancel", str(job_id))
            return cancelled

    async def retry(
        self, principal: Principal, job_id: JobId, *, once: RequestKey | None = None
    ) -> Job:
        """A new job about the same subject; what was committed before is not done again.

        `once` makes a repetition harmless. Raises `ConflictError` for a job that is done or still
        at work.
        """
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        async with self.database.transaction(principal) as tx:
            key = None if once is None else once.of(principal, str(job_id))
            again, _ = await do_once(tx, key, Job, lambda: self._retry(tx, principal, job_id))
            return again

    async def _retry(self, tx: Transaction, principal: Principal, job_id: JobId) -> Job:
        job = await tx.jobs.get(job_id)
        if job.kind is JobKind.INGEST:
            # The document's row lock makes two retries follow each other.
            version = await tx.versions.get(VersionId(job.subject))
            await tx.documents.lock(version.document_id)
        await _check_ended_early(tx, job)
        again = await tx.jobs.enqueue(job.kind, job.subject, priority=job.priority)
        await self._say(tx, job, cancelled=False)
        await tx.audit.record(principal.user_id, "job.retry", str(job_id))
        return await tx.jobs.get(again)

    async def _say(self, tx: Transaction, job: Job, *, cancelled: bool) -> None:
        if job.kind is not JobKind.INGEST:
            return
        version = await tx.versions.get(VersionId(job.subject))
        document_id: DocumentId = version.document_id
        if not cancelled:
            await tx.documents.set_status(document_id, DocumentStatus.RECEIVED)
        elif await tx.documents.shown(document_id) is None:
            await tx.documents.set_status(document_id, DocumentStatus.FAILED, failure=CANCELLED)
        else:
            await tx.documents.set_status(document_id, DocumentStatus.READY)


async def _check_ended_early(tx: Transaction, job: Job) -> None:
    latest = await tx.jobs.latest_of(job.subject) or job
    if latest.state not in ENDED_EARLY:
        raise ConflictError(
            f"There is nothing to retry: the newest job about this is {latest.state.value}.",
            hint="Only jobs that failed or were cancelled can be done again.",
        )
