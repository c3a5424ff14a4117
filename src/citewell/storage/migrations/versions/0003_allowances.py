"""Quotas, budgets and what is counted against them; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the counters and count what is stored; nothing that an earlier release reads changes."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take it away again, together with what was stored in it."""
    op.execute("DROP TRIGGER count_document ON documents")
    op.execute("DROP TRIGGER count_version ON document_versions")
    for signature in ("count_document()", "count_version()"):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("DROP FUNCTION charge_quota(uuid, bigint, bigint, bigint, bigint)")
    op.execute("DROP FUNCTION check_quota(text, bigint, bigint, bigint)")
    for table in ("reservations", "spending", "budgets", "quotas"):
        op.drop_table(table)
    for column in ("page_count", "tokens"):
        op.drop_column("document_versions", column)
