"""A document as it arrives: its row, its first version and its job, in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from citewell.domain.documents import Document, DocumentStatus
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, DocumentId, JobId, TenantId, VersionId, new_id
from citewell.domain.jobs import Job, JobKind, JobState
from citewell.storage.repositories.jobs import JOBS_TOPIC
from citewell.storage.repositories.scope import Scope
from citewell.storage.repositories.taking_in.short_texts import ShortTextRepository
from citewell.storage.repositories.versions import StoredBlob

# The collection is looked up and not only referred to: the foreign key alone would accept another
# tenant's, for no policy binds it.
_ADD = text(
    "WITH arrived AS (INSERT INTO documents (id, tenant_id, collection_id, title, filename, tags,"
    "  metadata, status, latest_version_id)"
    "  SELECT :document, tenant_id, id, :title, :filename, CAST(:tags AS text[]),"
    "  CAST(:metadata AS jsonb), 'received', CAST(:version AS uuid) FROM collections"
    "  WHERE tenant_id = :tenant AND id = :collection"
    "  RETURNING id, tenant_id, metadata, created_at, latest_version_id),"
    " version AS (INSERT INTO document_versions (id, tenant_id, document_id, number, blob_key,"
    "  sha256, size, media_type, keeps_older)"
    "  SELECT latest_version_id, tenant_id, id, 1, :key, :sha256, :size, :media_type, :keeps_older"
    "  FROM arrived),"
    " job AS (INSERT INTO jobs (id, tenant_id, kind, subject, state, short)"
    "  SELECT CAST(:job AS uuid), tenant_id, :kind, latest_version_id, 'queued', :short"
    "  FROM arrived)"
    " SELECT tenant_id, metadata, created_at, pg_notify(:topic, CAST(:job AS text)) FROM arrived"
)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What is known of a document before anybody has read it."""

    collection_id: CollectionId
    title: str
    filename: str
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None


class DocumentArrivals(Scope):
    """What the collections of one tenant take in."""

    @property
    def short(self) -> ShortTextRepository:
        """Those that are short texts, to be read together."""
        return ShortTextRepository(self.connection, self.tenant_id)

    async def arrive(
        self, new: NewDocument, blob: StoredBlob, *, keeps_older: bool, short: bool = False
    ) -> tuple[Document, Job]:
        """A document with its first version, and the job that reads it, in the queue.

        A worker hears of it when this transaction commits, and may read it together with others
        that are `short`. Nobody counts for the reply how many
        jobs wait before this one. Raises `NotFoundError` when the tenant has no such collection.
        """
        job_id, arrived = JobId(new_id()), (DocumentId(new_id()), VersionId(new_id()))
        added = await self.connection.execute(
            _ADD,
            {
                **_of_document(new, arrived),
                **_of_version(blob),
                "tenant": self.tenant_id,
                "keeps_older": keeps_older,
                "short": short,
                "job": job_id,
                "kind": JobKind.INGEST.value,
                "topic": JOBS_TOPIC,
            },
        )
        row = added.one_or_none()
        if row is None:
            raise NotFoundError(f"No collection {new.collection_id}.")
        job = _queued(job_id, self.tenant_id, arrived[1], row.created_at)
        return _received(row, new, blob, arrived), job


_Arrived = tuple[DocumentId, VersionId]


def _of_document(new: NewDocument, arrived: _Arrived) -> dict[str, Any]:
    return {
        "document": arrived[0],
        "version": arrived[1],
        "collection": new.collection_id,
        "title": new.title,
        "filename": new.filename,
        "tags": list(new.tags),
        "metadata": json.dumps(dict(new.metadata or {})),
    }


def _of_version(blob: StoredBlob) -> dict[str, Any]:
    return {
        "key": blob.key,
        "sha256": blob.sha256,
        "size": blob.size,
        "media_type": blob.media_type,
    }


def _received(row: Row[Any], new: NewDocument, blob: StoredBlob, arrived: _Arrived) -> Document:
    return Document(
        id=arrived[0],
        tenant_id=TenantId(row.tenant_id),
        collection_id=new.collection_id,
        title=new.title,
        filename=new.filename,
        media_type=blob.media_type,
        size=blob.size,
        sha256=blob.sha256,
        status=DocumentStatus.RECEIVED,
        language="",
        tags=tuple(new.tags),
        metadata=row.metadata,
        version_id=arrived[1],
        version_number=1,
        chunks_done=0,
        chunks_total=0,
        pages=0,
        failure_code=None,
        failure_reason=None,
        warnings=(),
        created_at=row.created_at,
        updated_at=row.created_at,
    )


def _queued(job_id: JobId, tenant_id: TenantId, version: VersionId, created_at: datetime) -> Job:
    return Job(
        id=job_id,
        tenant_id=tenant_id,
        kind=JobKind.INGEST,
        subject=version,
        state=JobState.QUEUED,
        priority=0,
        attempts=0,
        progress_done=0,
        progress_total=0,
        error_code=None,
        error_reason=None,
        queue_position=None,
        created_at=created_at,
        started_at=None,
        finished_at=None,
    )
