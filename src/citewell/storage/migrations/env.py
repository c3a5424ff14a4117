"""Alembic's entry: runs on the connection that `citewell.storage.migrate` hands over."""

from alembic import context

from citewell.storage.tables import conversations, documents, privacy, sessions, tenancy
from citewell.storage.tables.schema import metadata

# Importing the tables fills the metadata.
TABLES = (
    conversations.runs,
    documents.documents,
    privacy.consents,
    sessions.signing_keys,
    tenancy.tenants,
)

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
