"""Approvals of calls of tools, and the state of runs that wait for one."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the tables; no run waits for anybody yet."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take them away; runs that wait end as runs of a release that knows no waiting."""
    op.drop_table("checkpoints")
    op.drop_table("approvals")
    op.execute("UPDATE runs SET state = 'cancelled', finished_at = now() WHERE state = 'paused'")
