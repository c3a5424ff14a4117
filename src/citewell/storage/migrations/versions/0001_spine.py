"""The tables of the first release; the statements are in the file beside this one."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

# The newest first, so that no table is dropped before the ones that refer to it.
TABLES = (
    "usage citations messages run_events runs conversations idempotency audit_log jobs changes"
    " embeddings chunks document_versions documents collections spaces api_keys memberships users"
    " tenants"
)


def upgrade() -> None:
    """Make everything; the roles may be there already."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would take the percent signs for parameters.
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Drop the tables; the roles may serve another database of the same server."""
    for table in TABLES.split():
        op.drop_table(table)
