"""Where a person's data is: every table, how their rows are found, and what erasing does there.

A test holds this against the live schema: a table that nobody has thought about fails it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, select

from citewell.domain.ids import UserId
from citewell.storage.tables.approvals import approvals, checkpoints
from citewell.storage.tables.conversations import (
    citations,
    conversations,
    messages,
    run_events,
    runs,
    usage,
)
from citewell.storage.tables.documents import document_versions, documents
from citewell.storage.tables.privacy import consents, erasures, exports, memories
from citewell.storage.tables.sessions import collection_shares, refresh_tokens, socket_tickets
from citewell.storage.tables.tenancy import (
    api_keys,
    audit_log,
    idempotency,
    identities,
    memberships,
    users,
)


class Fate(StrEnum):
    """What erasing a person does to a table's rows about them."""

    DELETED = "deleted"
    UNLINKED = "unlinked"
    """The row stays and no longer says whose it was."""
    KEPT = "kept"
    """It holds a random id of the person, which leads nowhere once the account is gone."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with data about people; `unshown` columns are in no export."""

    table: Table
    rows_of: Callable[[UserId], ColumnElement[bool]]
    fate: Fate
    unshown: frozenset[str] = frozenset()

    def shown(self) -> list[Column[Any]]:
        """The columns of an export."""
        return [column for column in self.table.columns if column.name not in self.unshown]


def _by(column: Column[Any]) -> Callable[[UserId], ColumnElement[bool]]:
    return lambda person: column == person


def _under(column: Column[Any], parent: Table, owner: Column[Any]) -> Callable[..., Any]:
    return lambda person: column.in_(select(parent.c.id).where(owner == person))


def _deleted(table: Table, *unshown: str) -> Holding:
    return Holding(table, _by(table.c.user_id), Fate.DELETED, frozenset(unshown))


_RUN_OF, _TALK_OF = runs.c.user_id, conversations.c.user_id
_UPLOADED = document_versions.c.added_by

# Rows under others come before them, so that each is counted where it lies.
HOLDINGS = (
    Holding(run_events, _under(run_events.c.run_id, runs, _RUN_OF), Fate.DELETED),
    Holding(checkpoints, _under(checkpoints.c.run_id, runs, _RUN_OF), Fate.DELETED),
    _deleted(approvals, "digest"),
    _deleted(usage),
    Holding(
        citations,
        lambda person: citations.c.message_id.in_(
            select(messages.c.id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(_TALK_OF.in_([person]))
        ),
        Fate.DELETED,
    ),
    Holding(messages, _under(messages.c.conversation_id, conversations, _TALK_OF), Fate.DELETED),
    _deleted(runs),
    _deleted(conversations),
    _deleted(idempotency, "body_hash"),
    _deleted(refresh_tokens, "digest"),
    _deleted(socket_tickets, "digest"),
    _deleted(api_keys, "digest"),
    _deleted(identities),
    _deleted(collection_shares),
    _deleted(consents),
    _deleted(memories),
    _deleted(exports, "blob_key"),
    Holding(
        documents,
        lambda person: documents.c.id.in_(
            select(document_versions.c.document_id).where(_UPLOADED.in_([person]))
        ),
        Fate.KEPT,
    ),
    Holding(
        document_versions,
        _by(_UPLOADED),
        Fate.UNLINKED,
        frozenset({"blob_key", "text", "pages", "headings"}),
    ),
    Holding(audit_log, _by(audit_log.c.actor), Fate.KEPT, frozenset({"previous_hash", "hash"})),
    _deleted(memberships),
    Holding(users, _by(users.c.id), Fate.DELETED, frozenset({"password_hash"})),
    Holding(erasures, _by(erasures.c.user_id), Fate.KEPT),
)

# No person's, each for a reason.
IMPERSONAL = {
    "tenants": "a world of many people",
    "quotas": "a tenant's",
    "budgets": "a tenant's",
    "data_keys": "a tenant's, sealed",
    "spending": "a tenant's, by day",
    "reservations": "a tenant's, for minutes",
    "spaces": "a model",
    "mcp_servers": "a tenant's: an address, and a secret that is sealed",
    "mcp_tools": "a server's words about itself",
    "collections": "a tenant's",
    "chunks": "made of a document's text, and removed with it",
    "embeddings": "made of a chunk, and removed with it",
    "changes": "ids of documents",
    "jobs": "the id of what is to be done",
    "signing_keys": "the installation's",
    "sign_in_guesses": "digests of names that were tried, for minutes",
}


def counted() -> list[Table]:
    """The tables from which erasing removes rows."""
    return [one.table for one in HOLDINGS if one.fate is not Fate.KEPT]
