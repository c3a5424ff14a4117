"""What a tenant may store and spend, and how much of it is used."""

from sqlalchemy import BigInteger, Column, Date, Numeric, PrimaryKeyConstraint, Table, Text

from citewell.storage.tables.schema import identity, metadata, moment, tenant

LIMITS = ("max_documents", "max_bytes", "max_pages", "max_tokens")
USED = ("documents", "bytes", "pages", "tokens")

quotas = Table(
    "quotas",
    metadata,
    tenant(index=False),
    # No limit where there is none. Triggers on documents and versions keep the counters.
    *(Column(name, BigInteger, nullable=True) for name in LIMITS),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in USED),
    PrimaryKeyConstraint("tenant_id"),
)

budgets = Table(
    "budgets",
    metadata,
    tenant(index=False),
    Column("period", Text, nullable=False),
    Column("tokens", BigInteger, nullable=True),
    Column("money", Numeric(18, 6), nullable=True),
    PrimaryKeyConstraint("tenant_id", "period"),
)

spending = Table(
    "spending",
    metadata,
    tenant(index=False),
    Column("day", Date, nullable=False),
    Column("tokens", BigInteger, nullable=False, server_default="0"),
    Column("money", Numeric(18, 6), nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id", "day"),
)

# What calls that go on now may cost at most; one that nobody settled expires.
reservations = Table(
    "reservations",
    metadata,
    identity(),
    tenant(),
    Column("tokens", BigInteger, nullable=False),
    Column("money", Numeric(18, 6), nullable=False),
    Column("expires_at", moment("x").type, nullable=False),
)
