"""What the server keeps in mind for people; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table and the columns; nothing is kept in mind yet."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Forget all of it."""
    op.drop_table("memories")
    op.drop_column("conversations", "summarised_to")
    op.drop_column("conversations", "summary")
