"""Servers of tools and what was approved of them; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the tables; no server is known and no tool approved."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Forget the servers, with their secrets and what was approved."""
    op.drop_table("mcp_tools")
    op.drop_table("mcp_servers")
