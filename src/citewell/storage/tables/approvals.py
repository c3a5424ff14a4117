"""What a run that pauses leaves behind: its question to a person, and its state."""

from sqlalchemy import (
    Column,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from citewell.storage.tables.schema import identity, metadata, moment, reference, tenant

approvals = Table(
    "approvals",
    metadata,
    identity(),
    tenant(),
    # The run that paused, and the one in which it all began.
    reference("run_id", "runs"),
    reference("thread_id", "runs", index=False),
    Column("user_id", Uuid(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("state", Text, nullable=False, index=True),
    moment("asked_at"),
    Column("expires_at", moment("x").type, nullable=False),
    moment("decided_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("outcome", JSONB, nullable=True),
    # The key of the effect: one call of one run has one approval, whoever asks again.
    UniqueConstraint("thread_id", "number"),
)

# The last state of a run that may pause, for as long as it has not ended; `held_by` is the run that
# goes on from there now, which is the one in which it began or a later one.
checkpoints = Table(
    "checkpoints",
    metadata,
    reference("run_id", "runs", index=False),
    tenant(),
    Column("held_by", Uuid(), nullable=False),
    Column("checkpoint_id", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("writes", JSONB, nullable=False),
    moment("at"),
    PrimaryKeyConstraint("run_id"),
)
