"""A reader of a collection writes nothing into it; the statement is in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the policy; what is stored does not change."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Leave it to the services again."""
    op.execute("DROP POLICY needs_share_for_writing ON documents")
