"""Views that people may ask questions of in SQL; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

VIEWS = "documents collections jobs usage"


def upgrade() -> None:
    """Make the views and the role that reads them; it may be there already."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would take the percent signs for parameters.
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Drop the views; the role may serve another database of the same server."""
    for view in VIEWS.split():
        op.execute(f"DROP VIEW records_{view}")
