"""Who there is, what they hold, and who may see a collection."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from citewell.domain.ids import CollectionId, KeyId, ShareId, TenantId, UserId
from citewell.domain.principal import Role, Scope


@dataclass(frozen=True, slots=True)
class Tenant:
    """A separate world of collections and people."""

    id: TenantId
    name: str
    created_at: datetime
    suspended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person as one tenant sees them; `home` is the tenant that the account belongs to."""

    id: UserId
    home: TenantId
    name: str
    email: str | None
    role: Role
    created_at: datetime
    suspended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed; of its secret only a digest exists."""

    id: KeyId
    user_id: UserId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: KeyId | None


@dataclass(frozen=True, slots=True)
class Identity:
    """How a provider of sign-ins calls a person; without a `subject` they have not come yet."""

    user_id: UserId
    issuer: str
    subject: str | None
    created_at: datetime
    linked_at: datetime | None


class SessionKind(StrEnum):
    """What a session is carried by: a pair of tokens, or a browser's cookie."""

    TOKENS = "tokens"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended.

    `opened_at` of one that was renewed for longer than a refresh token lives is when the oldest
    one that is still kept was made.
    """

    id: UUID
    kind: SessionKind
    opened_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class Visibility(StrEnum):
    """Who may see a collection."""

    TENANT = "tenant"
    RESTRICTED = "restricted"


class Access(StrEnum):
    """What a share lets its grantee do; writing includes reading."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Share:
    """A restricted collection opened to one member, or to everybody of a role and above."""

    id: ShareId
    collection_id: CollectionId
    user_id: UserId | None
    role: Role | None
    access: Access
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One action, as it was written when it was done."""

    number: int
    id: UUID
    actor: UUID | None
    action: str
    target: str
    details: Mapping[str, Any]
    request_id: str
    at: datetime
    hash: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What a record of actions holds, the hash at its end, and the number where it is broken."""

    records: int
    hash: bytes
    broken: int | None


class KeyState(StrEnum):
    """Where a signing key is in its life: known, signing, or only checked until it is gone."""

    ADDED = "added"
    PROMOTED = "promoted"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the ring; after `retired_at` nothing that it signed is believed."""

    kid: str
    algorithm: str
    public_key: bytes
    sealed_private_key: bytes
    added_at: datetime
    promoted_at: datetime | None
    retired_at: datetime | None

    @property
    def state(self) -> KeyState:
        """Where it is in its life."""
        if self.retired_at is not None:
            return KeyState.RETIRED
        return KeyState.ADDED if self.promoted_at is None else KeyState.PROMOTED


def fold_email(address: str) -> str:
    """An address as it is stored and compared: one spelling for the same mailbox."""
    return unicodedata.normalize("NFKC", address.strip()).casefold()
