"""What belongs to no single tenant: jobs to claim, projections to feed, runs to recover."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import CollectionId, JobId, RunId, TenantId
from citewell.domain.jobs import JobState, Lease
from citewell.storage.repositories.jobs import to_job
from citewell.storage.tables.approvals import approvals
from citewell.storage.tables.conversations import runs
from citewell.storage.tables.documents import collections, document_versions, jobs
from citewell.storage.tables.privacy import exports

LEASE_SECONDS = 15
POISON_CRASHES = 3
# A worker that is killed from outside does not spend a job's chances, but one that dies without a
# trace this often without any committed progress is not being unlucky.
SILENT_DEATHS = 20

# Fair between tenants: the one with the fewest jobs at work goes first. A short text that nobody
# has begun takes others like it along; what was begun once may be what ended its worker, and goes
# alone.
_CLAIM = text(
    "WITH busy AS (SELECT tenant_id, count(*) AS n FROM jobs WHERE state = 'leased' GROUP BY 1),"
    " next AS (SELECT j.id, j.tenant_id, j.priority, j.short AND j.started_at IS NULL AS fresh"
    "  FROM jobs j LEFT JOIN busy b ON b.tenant_id = j.tenant_id"
    "  WHERE j.state = 'queued' AND j.run_after <= now()"
    "  ORDER BY j.priority DESC, coalesce(b.n, 0), j.created_at"
    "  FOR UPDATE OF j SKIP LOCKED LIMIT 1),"
    " more AS (SELECT j.id FROM jobs j JOIN next ON next.fresh AND j.tenant_id = next.tenant_id"
    "  AND j.priority = next.priority AND j.id <> next.id"
    "  WHERE j.state = 'queued' AND j.run_after <= now() AND j.short AND j.started_at IS NULL"
    "  ORDER BY j.created_at FOR UPDATE OF j SKIP LOCKED LIMIT :others),"
    " taken AS (SELECT id, fresh FROM next UNION ALL SELECT id, true FROM more)"
    " UPDATE jobs SET state = 'leased', lease_token = :token, worker = :worker,"
    " lease_until = now() + make_interval(secs => :seconds), attempts = attempts + 1,"
    " started_at = coalesce(started_at, now())"
    " FROM taken WHERE jobs.id = taken.id RETURNING jobs.*, taken.fresh"
)

# Locked in the order in which a worker's own writes lock them.
_HEARTBEAT = text(
    "WITH lease AS (SELECT id, token"
    "  FROM unnest(CAST(:jobs AS uuid[]), CAST(:tokens AS uuid[])) AS lease (id, token)),"
    " mine AS (SELECT j.id FROM jobs j JOIN lease ON lease.id = j.id"
    "  AND lease.token = j.lease_token WHERE j.state = 'leased' AND j.lease_until > now()"
    "  ORDER BY j.id FOR UPDATE OF j)"
    " UPDATE jobs j SET lease_until = now() + make_interval(secs => :seconds)"
    "  FROM mine WHERE j.id = mine.id RETURNING j.id"
)

_REAP = text(
    "UPDATE jobs SET lease_token = NULL, worker = NULL, lease_until = NULL,"
    " state = CASE WHEN crashes >= :crashes OR attempts >= :attempts THEN 'failed'"
    "  ELSE 'queued' END,"
    " error_code = CASE WHEN crashes >= :crashes OR attempts >= :attempts THEN 'poison' END,"
    " error_reason = CASE WHEN crashes >= :crashes OR attempts >= :attempts"
    "  THEN 'It ended the worker that read it, each time it was tried.' END,"
    " finished_at = CASE WHEN crashes >= :crashes OR attempts >= :attempts THEN now() END"
    " WHERE id IN (SELECT id FROM jobs WHERE state = 'leased' AND lease_until < now()"
    "  FOR UPDATE SKIP LOCKED) RETURNING *"
)


@dataclass(frozen=True, slots=True)
class SystemRepository:
    """Runs as the system role, which sees these tables across tenants and no document."""

    connection: AsyncConnection

    async def claim(self, worker: UUID, *, most: int = 1) -> list[Lease]:
        """The next job, leased to `worker` for `LEASE_SECONDS`; none when the queue is empty.

        Up to `most` of one tenant when they are short texts that nobody has begun.
        """
        found = await self.connection.execute(
            _CLAIM,
            {"token": uuid4(), "worker": worker, "seconds": LEASE_SECONDS, "others": most - 1},
        )
        return [
            Lease(to_job(row), row.lease_token, row.lease_until, fresh=row.fresh) for row in found
        ]

    async def heartbeat(self, leases: Sequence[Lease]) -> set[JobId]:
        """Extend the leases; returns the jobs that somebody took away.

        A job that has ended meanwhile needs no lease, and has not lost it.
        """
        asked = [lease.job.id for lease in leases]
        kept = await self.connection.execute(
            _HEARTBEAT,
            {
                "jobs": asked,
                "tokens": [lease.token for lease in leases],
                "seconds": LEASE_SECONDS,
            },
        )
        missing = set(asked) - set(kept.scalars())
        if not missing:
            return set()
        # Asked by itself: a statement that has waited for a job's last commit does not see it.
        ended = await self.connection.execute(
            select(jobs.c.id).where(
                jobs.c.id.in_(missing),
                jobs.c.state.in_([JobState.DONE.value, JobState.FAILED.value]),
            )
        )
        return missing - set(ended.scalars())

    async def release(self, worker: UUID) -> int:
        """Hand back what `worker` holds, at once and without spending an attempt."""
        return await self._give_back(worker, crashes=0)

    async def blame(self, worker: UUID) -> int:
        """As `release`, for a worker that died by its own fault: counts towards poison."""
        return await self._give_back(worker, crashes=1)

    async def reap(self) -> list[tuple[TenantId, UUID, str]]:
        """Take back expired leases; (tenant, subject, kind) of the jobs that are poison."""
        found = await self.connection.execute(
            _REAP, {"crashes": POISON_CRASHES, "attempts": SILENT_DEATHS}
        )
        return [
            (TenantId(row.tenant_id), row.subject, row.kind)
            for row in found
            if row.state == JobState.FAILED.value
        ]

    async def queue_depth(self) -> dict[str, int]:
        """How many jobs are in each unfinished state."""
        found = await self.connection.execute(
            select(jobs.c.state, func.count().label("n"))
            .where(jobs.c.state.in_([JobState.QUEUED.value, JobState.LEASED.value]))
            .group_by(jobs.c.state)
        )
        return {row.state: row.n for row in found}

    async def collections(self) -> list[tuple[TenantId, CollectionId]]:
        """Every collection, oldest first."""
        found = await self.connection.execute(
            select(collections.c.tenant_id, collections.c.id).order_by(collections.c.id)
        )
        return [(TenantId(row.tenant_id), CollectionId(row.id)) for row in found]

    async def heads(self) -> dict[CollectionId, int]:
        """The last change number of every collection."""
        found = await self.connection.execute(select(collections.c.id, collections.c.head))
        return {CollectionId(row.id): row.head for row in found}

    async def blob_keys(self) -> set[str]:
        """Every blob that a version or an export refers to."""
        copies = select(exports.c.blob_key).where(exports.c.blob_key.is_not(None))
        found = await self.connection.execute(
            select(document_versions.c.blob_key).union_all(copies)
        )
        return set(found.scalars())

    async def abandoned_runs(self) -> list[tuple[TenantId, RunId]]:
        """Runs whose process has stopped renewing their lease."""
        found = await self.connection.execute(
            select(runs.c.tenant_id, runs.c.id).where(
                runs.c.state == "running", runs.c.lease_until < func.now()
            )
        )
        return [(TenantId(row.tenant_id), RunId(row.id)) for row in found]

    async def unanswered(self) -> list[tuple[TenantId, RunId]]:
        """Runs that wait for a person longer than they may."""
        found = await self.connection.execute(
            select(approvals.c.tenant_id, approvals.c.run_id).where(
                approvals.c.state == "asked", approvals.c.expires_at <= func.now()
            )
        )
        return [(TenantId(row.tenant_id), RunId(row.run_id)) for row in found]

    async def _give_back(self, worker: UUID, *, crashes: int) -> int:
        values: dict[str, Any] = {
            "state": JobState.QUEUED.value,
            "lease_token": None,
            "worker": None,
            "attempts": func.greatest(jobs.c.attempts - 1, 0),
            "crashes": jobs.c.crashes + crashes,
        }
        if crashes:
            # The reaper decides whether it is poison now.
            values = {"crashes": jobs.c.crashes + crashes, "lease_until": func.now()}
        done = await self.connection.execute(
            update(jobs)
            .where(jobs.c.state == JobState.LEASED.value, jobs.c.worker == worker)
            .values(**values)
        )
        return int(done.rowcount)
