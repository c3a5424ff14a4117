"""What was given to us, what it became, and the log of what is searchable."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant

CALLER = text("(NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid")

spaces = Table(
    "spaces",
    metadata,
    identity(),
    tenant(),
    Column("model", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    moment("created_at"),
    UniqueConstraint("tenant_id", "model", "revision", "dimension"),
)

collections = Table(
    "collections",
    metadata,
    identity(),
    tenant(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("active_space_id", Uuid(), ForeignKey("spaces.id"), nullable=False),
    Column("building_space_id", Uuid(), ForeignKey("spaces.id"), nullable=True),
    Column("head", BigInteger, nullable=False, server_default="0"),
    moment("created_at"),
    Column("visibility", Text, nullable=False, server_default="tenant"),
    UniqueConstraint("tenant_id", "name"),
)

documents = Table(
    "documents",
    metadata,
    identity(),
    tenant(),
    reference("collection_id", "collections"),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    Column("status", Text, nullable=False),
    Column("latest_version_id", Uuid(), nullable=True),
    Column("active_version_id", Uuid(), nullable=True),
    Column("failure_code", Text, nullable=True),
    Column("failure_reason", Text, nullable=True),
    moment("created_at"),
    moment("updated_at"),
    moment("deleted_at", nullable=True),
    Index("ix_documents_collection_filename", "collection_id", "filename"),
)

document_versions = Table(
    "document_versions",
    metadata,
    identity(),
    tenant(index=False),
    reference("document_id", "documents"),
    Column("number", Integer, nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False, server_default=""),
    Column("title", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=True),
    Column("pages", JSONB, nullable=False, server_default="[]"),
    Column("headings", JSONB, nullable=False, server_default="[]"),
    Column("warnings", JSONB, nullable=False, server_default="[]"),
    Column("code_language", Text, nullable=False, server_default=""),
    Column("parser", Text, nullable=False, server_default=""),
    Column("pipeline", Text, nullable=False, server_default=""),
    Column("chunks_done", Integer, nullable=False, server_default="0"),
    Column("chunks_total", Integer, nullable=False, server_default="0"),
    Column("keeps_older", Boolean, nullable=False, server_default="true"),
    moment("created_at"),
    # What counts against the quota, beside `size`.
    Column("page_count", Integer, nullable=False, server_default="0"),
    Column("tokens", BigInteger, nullable=False, server_default="0"),
    # Who brought the bytes: the caller of the transaction, nobody for the server's own work.
    Column("added_by", Uuid(), nullable=True, index=True, server_default=CALLER),
    UniqueConstraint("document_id", "number"),
)

chunks = Table(
    "chunks",
    metadata,
    identity(),
    tenant(index=False),
    # The engines need a small integer; this one stays with the row for its life.
    Column("key", BigInteger, Identity(always=True), nullable=False, unique=True),
    reference("document_id", "documents"),
    reference("version_id", "document_versions", index=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer, nullable=True),
    Column("page_label", Text, nullable=False, server_default=""),
    Column("headings", ARRAY(Text), nullable=False),
    Column("context", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("windows", ARRAY(Integer), nullable=False),
    Column("terms", Text, nullable=False),
    Column("field_terms", Text, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("version_id", "ordinal"),
)

embeddings = Table(
    "embeddings",
    metadata,
    tenant(index=False),
    reference("chunk_id", "chunks", index=False),
    Column("space_id", Uuid(), ForeignKey("spaces.id"), nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    PrimaryKeyConstraint("chunk_id", "space_id"),
)

changes = Table(
    "changes",
    metadata,
    tenant(index=False),
    reference("collection_id", "collections", index=False),
    Column("number", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document_id", Uuid(), nullable=False),
    Column("version_id", Uuid(), nullable=False),
    moment("at"),
    PrimaryKeyConstraint("collection_id", "number"),
)

jobs = Table(
    "jobs",
    metadata,
    identity(),
    tenant(),
    Column("kind", Text, nullable=False),
    Column("subject", Uuid(), nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("lease_until", moment("x").type, nullable=True),
    Column("lease_token", Uuid(), nullable=True),
    Column("worker", Uuid(), nullable=True),
    # Short enough to be read together with others; decided when it arrives.
    Column("short", Boolean, nullable=False, server_default="false"),
    Column("progress_done", Integer, nullable=False, server_default="0"),
    Column("progress_total", Integer, nullable=False, server_default="0"),
    Column("error_code", Text, nullable=True),
    Column("error_reason", Text, nullable=True),
    moment("created_at"),
    moment("run_after"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    Index("ix_jobs_queued", "priority", "created_at", postgresql_where=text("state = 'queued'")),
    Index("ix_jobs_leased", "lease_until", postgresql_where=text("state = 'leased'")),
    Index("ix_jobs_subject", "subject"),
)
