"""What a signed-in person carries, the keys that sign it, and who may see a collection."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import UniqueConstraint

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant


def membership() -> ForeignKeyConstraint:
    """What ends when its user stops being a member of the tenant."""
    return ForeignKeyConstraint(
        ["tenant_id", "user_id"],
        ["memberships.tenant_id", "memberships.user_id"],
        ondelete="CASCADE",
    )


refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    identity(),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    # One sign-in; every token of it descends from the first.
    Column("family", Uuid(), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    moment("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    moment("used_at", nullable=True),
    moment("revoked_at", nullable=True),
    membership(),
    Index("ix_refresh_tokens_tenant_id_user_id", "tenant_id", "user_id"),
)

socket_tickets = Table(
    "socket_tickets",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    tenant(index=False),
    Column("user_id", Uuid(), nullable=False),
    # The credential that asked for it, which the connection ends with.
    Column("key_id", Uuid(), nullable=True),
    Column("family", Uuid(), nullable=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    membership(),
    Index("ix_socket_tickets_tenant_id_user_id", "tenant_id", "user_id"),
)

collection_shares = Table(
    "collection_shares",
    metadata,
    identity(),
    tenant(index=False),
    reference("collection_id", "collections", index=False),
    # Either a member, or everybody of this role or a higher one.
    Column("user_id", Uuid(), nullable=True),
    Column("role", SmallInteger, nullable=True),
    Column("access", Text, nullable=False),
    moment("created_at"),
    membership(),
    UniqueConstraint("collection_id", "user_id"),
    UniqueConstraint("collection_id", "role"),
    CheckConstraint("(user_id IS NULL) != (role IS NULL)", name="one_grantee"),
    Index("ix_collection_shares_tenant_id_user_id", "tenant_id", "user_id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
    moment("added_at"),
    moment("promoted_at", nullable=True),
    moment("retired_at", nullable=True),
)

sign_in_guesses = Table(
    "sign_in_guesses",
    metadata,
    # A digest of the account's or the address's name, which need not exist.
    Column("subject", LargeBinary, primary_key=True),
    Column("times", ARRAY(DateTime(timezone=True)), nullable=False),
)
