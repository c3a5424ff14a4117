"""A browser's session knows the key that opened it, and ends with it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; sessions that are open already live on to their own end."""
    op.add_column(
        "api_keys",
        sa.Column(
            "opened_by",
            sa.Uuid(),
            sa.ForeignKey("api_keys.id", name="fk_api_keys_opened_by", ondelete="CASCADE"),
            nullable=True,
        ),
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_column("api_keys", "opened_by")
