"""Jobs know whether their text is short, so that a worker may take several at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; the jobs that are there are read one by one, as before."""
    op.add_column(
        "jobs", sa.Column("short", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take it away again; every job is read alone then."""
    op.drop_column("jobs", "short")
