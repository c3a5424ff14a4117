"""Accounts, their sessions and shared collections; the statements are in the file beside this."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = "sign_in_guesses signing_keys collection_shares socket_tickets refresh_tokens"
COLUMNS = {
    "collections": "visibility",
    "api_keys": "generation expires_at last_used_at replaced_by",
    "memberships": "created_at",
    "users": "email password_hash generation suspended_at",
    "tenants": "suspended_at",
}


def upgrade() -> None:
    """Add what accounts need; nothing that the first release reads changes."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Take it away again, together with what was stored in it."""
    op.execute("DROP POLICY sharing ON jobs")
    op.execute("DROP POLICY sharing ON documents")
    op.execute("DROP POLICY sharing ON collections")
    op.execute("DROP POLICY member ON users")
    op.execute("DROP POLICY system ON users")
    op.execute("GRANT SELECT ON users TO citewell_app")
    for table in TABLES.split():
        op.drop_table(table)
    for table, columns in COLUMNS.items():
        for column in columns.split():
            op.drop_column(table, column)
