"""Short texts that one worker reads together: each statement is about all of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from citewell.domain.ids import CollectionId, DocumentId, JobId, SpaceId, VersionId
from citewell.domain.jobs import Lease
from citewell.storage.repositories.scope import Scope

# Only what nobody has begun and nothing older is shown of; the rest is read alone.
_UNREAD = (
    " FROM document_versions v JOIN documents d ON d.id = v.document_id"
    " JOIN collections c ON c.id = d.collection_id"
    " WHERE v.tenant_id = :tenant AND v.id = ANY(:versions) AND v.text IS NULL AND v.pipeline = ''"
    " AND d.latest_version_id = v.id AND d.active_version_id IS NULL AND d.deleted_at IS NULL"
)
_WAITING = text(
    "SELECT v.id AS version_id, v.blob_key, d.id AS document_id, d.collection_id, d.title,"
    " d.filename, d.tags, d.metadata, c.active_space_id AS space_id" + _UNREAD
)
_LOCK = text("SELECT v.id" + _UNREAD + " ORDER BY d.id FOR UPDATE OF d")
_HOLD = text(
    "SELECT j.id FROM jobs j"
    " JOIN unnest(CAST(:jobs AS uuid[]), CAST(:tokens AS uuid[])) AS held (id, token)"
    " ON j.id = held.id AND j.lease_token = held.token"
    " WHERE j.tenant_id = :tenant AND j.state = 'leased'"
    " AND j.lease_until > clock_timestamp() ORDER BY j.id FOR UPDATE OF j"
)
_EMBEDDING = text(
    "UPDATE documents SET status = 'embedding', failure_code = NULL,"
    " failure_reason = NULL, updated_at = now()"
    " WHERE tenant_id = :tenant AND id = ANY(:documents) AND deleted_at IS NULL"
)
# A title that somebody has given, before or while the text was read, stays.
_READY = text(
    "UPDATE documents d SET status = 'ready', updated_at = now(),"
    " active_version_id = made.version_id,"
    " title = CASE WHEN d.title = '' THEN made.title ELSE d.title END"
    " FROM unnest(CAST(:documents AS uuid[]), CAST(:versions AS uuid[]), CAST(:titles AS text[]))"
    " AS made (id, version_id, title) WHERE d.tenant_id = :tenant AND d.id = made.id"
)
_DONE = text(
    "UPDATE jobs j SET state = 'done', lease_token = NULL, error_code = NULL,"
    " error_reason = NULL, finished_at = now(), progress_done = made.chunks,"
    " progress_total = made.chunks"
    " FROM unnest(CAST(:jobs AS uuid[]), CAST(:chunks AS int[])) AS made (id, chunks)"
    " WHERE j.tenant_id = :tenant AND j.id = made.id"
)


@dataclass(frozen=True, slots=True)
class WaitingText:
    """A document whose only version nobody has read yet."""

    document_id: DocumentId
    version_id: VersionId
    collection_id: CollectionId
    space_id: SpaceId
    blob_key: str
    title: str
    filename: str
    tags: Sequence[str]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShownText:
    """What becomes of such a document: `title` is for one that has none, `chunks` are written."""

    lease: Lease
    document_id: DocumentId
    version_id: VersionId
    title: str
    chunks: int


class ShortTextRepository(Scope):
    """The short texts of one tenant; who calls holds their leases."""

    async def waiting(self, versions: Sequence[VersionId]) -> list[WaitingText]:
        """Those of the versions that are unread and whose document shows nothing older."""
        found = await self.connection.execute(
            _WAITING, {"tenant": self.tenant_id, "versions": list(versions)}
        )
        return [WaitingText(**row) for row in found.mappings()]

    async def hold(self, leases: Sequence[Lease]) -> set[JobId]:
        """Those whose lease is ours still; nobody takes them before this transaction ends."""
        found = await self.connection.execute(
            _HOLD,
            {
                "tenant": self.tenant_id,
                "jobs": [lease.job.id for lease in leases],
                "tokens": [lease.token for lease in leases],
            },
        )
        return set(found.scalars())

    async def lock(self, versions: Sequence[VersionId]) -> set[VersionId]:
        """Those still waiting; nobody changes their documents before this transaction ends."""
        found = await self.connection.execute(
            _LOCK, {"tenant": self.tenant_id, "versions": list(versions)}
        )
        return set(found.scalars())

    async def embedding(self, documents: Sequence[DocumentId]) -> None:
        """They are read; their vectors are being made."""
        await self.connection.execute(
            _EMBEDDING, {"tenant": self.tenant_id, "documents": list(documents)}
        )

    async def finish(self, made: Sequence[ShownText]) -> None:
        """The documents are ready and the jobs done; their jobs and documents are held."""
        await self.connection.execute(
            _READY,
            {
                "tenant": self.tenant_id,
                "documents": [one.document_id for one in made],
                "versions": [one.version_id for one in made],
                "titles": [one.title for one in made],
            },
        )
        await self.connection.execute(
            _DONE,
            {
                "tenant": self.tenant_id,
                "jobs": [one.lease.job.id for one in made],
                "chunks": [one.chunks for one in made],
            },
        )
