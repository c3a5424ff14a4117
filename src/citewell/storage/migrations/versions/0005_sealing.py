"""Data keys for encryption at rest; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the keys; what is stored does not change."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take the keys away: what they sealed cannot be read any more."""
    op.drop_table("data_keys")
