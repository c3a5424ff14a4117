"""Jobs."""

from uuid import UUID

from fastapi import APIRouter

from citewell.api import cursors
from citewell.api.deps import Caller, Cursor, JobsDep, Limit, RequestKeyDep
from citewell.api.guard import CAN_READ, CAN_WRITE, GuardedRoute, allow
from citewell.api.schemas.jobs import JobPage, JobShown
from citewell.domain.ids import JobId
from citewell.domain.jobs import JobState

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/jobs", tags=["jobs"])


@router.get("", summary="List jobs")
@allow(CAN_READ)
async def list_jobs(
    caller: Caller,
    jobs: JobsDep,
    state: JobState | None = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> JobPage:
    """Newest first."""
    before = JobId(cursors.decode_id(cursor)) if cursor else None
    found = await jobs.page(caller, state=state, before=before, limit=limit)
    more = cursors.next_cursor([one.id for one in found], limit)
    return JobPage(items=[JobShown.of(one) for one in found], next_cursor=more)


@router.get("/{job_id}", summary="Show a job")
@allow(CAN_READ)
async def get_job(job_id: UUID, caller: Caller, jobs: JobsDep) -> JobShown:
    """With its place in the queue while it waits."""
    return JobShown.of(await jobs.get(caller, JobId(job_id)))


@router.post("/{job_id}/cancel", summary="Stop a job")
@allow(CAN_WRITE)
async def cancel_job(job_id: UUID, caller: Caller, jobs: JobsDep) -> JobShown:
    """Its worker's next write is refused."""
    return JobShown.of(await jobs.cancel(caller, JobId(job_id)))


@router.post("/{job_id}/retry", status_code=202, summary="Do a failed job again")
@allow(CAN_WRITE)
async def retry_job(job_id: UUID, caller: Caller, jobs: JobsDep, once: RequestKeyDep) -> JobShown:
    """As a new job; what was committed before is not done again."""
    return JobShown.of(await jobs.retry(caller, JobId(job_id), once=once))
