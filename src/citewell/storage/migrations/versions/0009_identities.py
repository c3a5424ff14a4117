"""Whom a provider of sign-ins vouches for; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table; nobody signs in through a provider before it is configured."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take it away: who came through a provider needs a password or a key from then on."""
    op.drop_table("identities")
