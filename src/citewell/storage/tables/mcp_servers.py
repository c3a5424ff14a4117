"""Servers of tools that an administrator has named, and what was approved of them."""

from sqlalchemy import Boolean, CheckConstraint, Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import UniqueConstraint

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant

mcp_servers = Table(
    "mcp_servers",
    metadata,
    identity(),
    tenant(index=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=True),
    Column("command", Text, nullable=True),
    Column("header", Text, nullable=False),
    # Closed with the installation's secret, as keys that sign are.
    Column("sealed_secret", LargeBinary, nullable=True),
    moment("created_at"),
    moment("inspected_at", nullable=True),
    UniqueConstraint("tenant_id", "name"),
    CheckConstraint("(url IS NULL) != (command IS NULL)", name="one_place"),
)

mcp_tools = Table(
    "mcp_tools",
    metadata,
    identity(),
    tenant(),
    reference("server_id", "mcp_servers", index=False),
    Column("name", Text, nullable=False),
    # A text, not the database's JSON: an approval is of its very words and numbers.
    Column("offered", Text, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("labels", ARRAY(Text), nullable=False),
    Column("approved", Text, nullable=True),
    moment("approved_at", nullable=True),
    UniqueConstraint("server_id", "name"),
)
