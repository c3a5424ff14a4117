"""What people agreed to, copies of what is stored about them, and the ledger of erasures."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from citewell.storage.tables.schema import identity, metadata, moment, tenant

consents = Table(
    "consents",
    metadata,
    identity(),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    Column("purpose", Text, nullable=False),
    # Of the text that the person was shown.
    Column("version", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    moment("at"),
    Index("ix_consents_tenant_id_user_id", "tenant_id", "user_id"),
)

# In the person's own words.
memories = Table(
    "memories",
    metadata,
    identity(),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    Column("text", Text, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    Index("ix_memories_tenant_id_user_id", "tenant_id", "user_id"),
)

exports = Table(
    "exports",
    metadata,
    identity(),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    Column("requested_by", Uuid(), nullable=False),
    moment("created_at"),
    moment("finished_at", nullable=True),
    Column("blob_key", Text, nullable=True),
    Column("sha256", Text, nullable=True),
    Column("size", BigInteger, nullable=True),
    Index("ix_exports_tenant_id_user_id", "tenant_id", "user_id"),
)

# Rows are added and finished, never removed: a restored backup is erased again by them.
erasures = Table(
    "erasures",
    metadata,
    identity(),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    Column("requested_by", Uuid(), nullable=False),
    # Of a person at home in the tenant, what other tenants hold goes too.
    Column("everywhere", Boolean, nullable=False),
    Column("with_documents", Boolean, nullable=False),
    moment("created_at"),
    moment("erased_at", nullable=True),
    moment("scrubbed_at", nullable=True),
    Column("removed", JSONB, nullable=False, server_default="{}"),
    Index("ix_erasures_tenant_id_user_id", "tenant_id", "user_id"),
)
