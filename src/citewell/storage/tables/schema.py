"""What every table shares: one metadata, constraint names, the tenant column."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity() -> Column[UUID]:
    """The primary key, a UUIDv7 made by the application."""
    return Column("id", Uuid(), primary_key=True)


def tenant(*, index: bool = True) -> Column[UUID]:
    """The tenant that a row belongs to; row-level security reads it.

    Large tables are always read through an indexed parent and do without an index here.
    """
    return Column("tenant_id", Uuid(), ForeignKey("tenants.id"), nullable=False, index=index)


def reference(
    name: str, target: str, *, nullable: bool = False, index: bool = True
) -> Column[UUID]:
    """A foreign key that falls with its target."""
    key = ForeignKey(f"{target}.id", ondelete="CASCADE")
    return Column(name, Uuid(), key, nullable=nullable, index=index)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """A point in time of the database's clock; `now()` unless nullable."""
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)
