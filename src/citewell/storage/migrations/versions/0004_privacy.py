"""Consents, exports, erasures, and whose bytes a version is; the statements are beside this."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add them; nothing that the release before reads changes."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take them away again, together with what was stored in them."""
    op.drop_column("document_versions", "added_by")
    for table in ("erasures", "exports", "consents"):
        op.drop_table(table)
