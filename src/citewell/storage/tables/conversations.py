"""What was asked and answered, and the event log of every run."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant

conversations = Table(
    "conversations",
    metadata,
    identity(),
    tenant(),
    Column("user_id", Uuid(), nullable=False),
    Column("title", Text, nullable=False),
    moment("created_at"),
    # What was said up to that message, in short; the last turns are not in it.
    Column("summary", Text, nullable=True),
    Column("summarised_to", Uuid(), nullable=True),
)

runs = Table(
    "runs",
    metadata,
    identity(),
    tenant(),
    reference("conversation_id", "conversations"),
    Column("user_id", Uuid(), nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("request", JSONB, nullable=False),
    Column("head", Integer, nullable=False, server_default="-1"),
    Column("cancel_requested", Boolean, nullable=False, server_default="false"),
    Column("lease_until", moment("x").type, nullable=True),
    moment("created_at"),
    moment("finished_at", nullable=True),
)

run_events = Table(
    "run_events",
    metadata,
    tenant(index=False),
    reference("run_id", "runs", index=False),
    Column("seq", Integer, nullable=False),
    Column("event", JSONB, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("run_id", "seq"),
)

messages = Table(
    "messages",
    metadata,
    identity(),
    tenant(),
    reference("conversation_id", "conversations"),
    reference("run_id", "runs"),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("grounded", Float, nullable=True),
    Column("answered", Boolean, nullable=True),
    Column("partial", Boolean, nullable=False, server_default="false"),
    moment("created_at"),
    UniqueConstraint("run_id", "role"),
)

citations = Table(
    "citations",
    metadata,
    identity(),
    tenant(index=False),
    reference("message_id", "messages"),
    Column("number", Integer, nullable=False),
    Column("answer_start", Integer, nullable=False),
    Column("answer_end", Integer, nullable=False),
    Column("chunk_id", Uuid(), nullable=False),
    # Not foreign keys: a citation outlives the document that it quotes, and says so when shown.
    Column("document_id", Uuid(), nullable=False),
    Column("version_id", Uuid(), nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("quote", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("page", Integer, nullable=True),
    Column("verified", Boolean, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    identity(),
    tenant(),
    reference("run_id", "runs", nullable=True),
    # Not foreign keys: what was spent stays spent when the key or the collection is gone.
    Column("user_id", Uuid(), nullable=True),
    Column("key_id", Uuid(), nullable=True),
    Column("collection_id", Uuid(), nullable=True),
    Column("step", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("milliseconds", Float, nullable=False),
    Column("cost", Float, nullable=False, server_default="0"),
    moment("at"),
)
