"""The data keys of every tenant, sealed with a master key that is not in the database."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, LargeBinary, Table, Text, text

from citewell.storage.tables.schema import identity, metadata, moment, tenant

data_keys = Table(
    "data_keys",
    metadata,
    identity(),
    tenant(),
    Column("state", Text, nullable=False),
    Column("master", Text, nullable=False),
    # Gone with the state `retired`: what it sealed in a backup stays closed.
    Column("wrapped", LargeBinary, nullable=True),
    Column("complete", Boolean, nullable=False),
    moment("created_at"),
    moment("activated_at", nullable=True),
    moment("retired_at", nullable=True),
    CheckConstraint("(state = 'retired') = (wrapped IS NULL)", name="retired_is_erased"),
    Index(
        "uq_data_keys_active",
        "tenant_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
    ),
    Index(
        "uq_data_keys_incoming",
        "tenant_id",
        unique=True,
        postgresql_where=text("state = 'incoming'"),
    ),
)
