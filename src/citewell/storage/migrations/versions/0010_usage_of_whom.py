"""For whom a model was called, beside the tenant."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; nothing is known of earlier calls."""
    op.execute(
        "ALTER TABLE usage ADD COLUMN user_id UUID, ADD COLUMN key_id UUID,"
        " ADD COLUMN collection_id UUID"
    )


def downgrade() -> None:
    """Take them away."""
    op.execute(
        "ALTER TABLE usage DROP COLUMN user_id, DROP COLUMN key_id, DROP COLUMN collection_id"
    )
