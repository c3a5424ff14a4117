"""Who: tenants, their users, the keys they hold, and the record of what they did."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import UniqueConstraint

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant

tenants = Table(
    "tenants",
    metadata,
    identity(),
    Column("name", Text, nullable=False, unique=True),
    # Where the audit chain ends, so that a record missing at its end is noticed too.
    Column("audit_head", BigInteger, nullable=False, server_default="-1"),
    Column("audit_hash", LargeBinary, nullable=False, server_default=""),
    moment("created_at"),
    moment("suspended_at", nullable=True),
)

users = Table(
    "users",
    metadata,
    identity(),
    tenant(),
    Column("name", Text, nullable=False),
    moment("created_at"),
    # Folded, and unique over the installation: it is what a person signs in with.
    Column("email", Text, nullable=True, unique=True),
    Column("password_hash", Text, nullable=True),
    # Whatever was opened under an earlier number has ended.
    Column("generation", Integer, nullable=False, server_default="0"),
    moment("suspended_at", nullable=True),
    UniqueConstraint("tenant_id", "name"),
)

memberships = Table(
    "memberships",
    metadata,
    identity(),
    tenant(),
    reference("user_id", "users"),
    Column("role", SmallInteger, nullable=False),
    moment("created_at"),
    UniqueConstraint("tenant_id", "user_id"),
)

# What a provider of sign-ins calls somebody. Without a subject it lets them come once by the
# address of their account, which nothing else does.
identities = Table(
    "identities",
    metadata,
    identity(),
    tenant(index=False),
    reference("user_id", "users", index=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=True),
    moment("created_at"),
    moment("linked_at", nullable=True),
    UniqueConstraint("user_id", "issuer"),
    UniqueConstraint("issuer", "subject"),
    Index("ix_identities_tenant_id_user_id", "tenant_id", "user_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    identity(),
    tenant(),
    reference("user_id", "users"),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("created_at"),
    moment("revoked_at", nullable=True),
    # A browser's session ends with the generation of its user; a key has none and does not.
    Column("generation", Integer, nullable=True),
    moment("expires_at", nullable=True),
    moment("last_used_at", nullable=True),
    Column("replaced_by", Uuid(), ForeignKey("api_keys.id", ondelete="SET NULL"), nullable=True),
    # The key that a browser's session was opened with, which it ends with.
    Column("opened_by", Uuid(), ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    identity(),
    tenant(),
    Column("number", BigInteger, nullable=False),
    Column("actor", Uuid(), nullable=True),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    moment("at"),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "number"),
)

idempotency = Table(
    "idempotency",
    metadata,
    identity(),
    tenant(),
    Column("user_id", Uuid(), nullable=False),
    Column("route", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("finished", Boolean, nullable=False),
    Column("status", SmallInteger, nullable=True),
    Column("reply", JSONB, nullable=True),
    moment("created_at"),
    UniqueConstraint("tenant_id", "user_id", "route", "key"),
)
