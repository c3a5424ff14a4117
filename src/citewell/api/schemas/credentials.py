"""Signing in, and what a client carries afterwards."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from citewell.accounts.administration.keys import KeyRequest
from citewell.accounts.sign_in import TICKET_LIFETIME, TokenPair, scopes_in
from citewell.accounts.tokens import LIFETIME
from citewell.api.schemas.fields import (
    MAX_FIELDS,
    WHOLE,
    Body,
    CollectionName,
    ShortText,
    Shown,
    Text,
)
from citewell.domain.accounts import ApiKey, Identity, OpenSession
from citewell.domain.ids import UserId
from citewell.domain.principal import Principal, Scope


class PasswordForm(BaseModel):
    """OAuth2's password grant; as its standard asks, fields that are not known are left alone."""

    model_config = ConfigDict(
        extra="ignore",
        # Each of them once (RFC 6749, section 3.2).
        json_schema_extra={"additionalProperties": {"type": "string"}, "maxProperties": MAX_FIELDS},
    )

    grant_type: Literal["password"] = "password"
    username: ShortText = Field(min_length=1, description="The email address.")
    password: Text = Field(min_length=1, max_length=1024)
    scope: ShortText = Field(
        default="",
        description="Scopes with spaces between; all of them when empty.",
        json_schema_extra={"pattern": f"^ *((?:{'|'.join(Scope)})(?: +|$))*$"},
    )
    tenant: ShortText = Field(
        default="", description="Id or name of the tenant to enter; your home when empty."
    )

    @field_validator("scope")
    @classmethod
    def _check_scope(cls, value: str) -> str:
        try:
            scopes_in(value)
        except ValueError as error:
            raise ValueError(f"The scopes are {', '.join(Scope)}.") from error
        return value


class RefreshRequest(Body):
    """The refresh token of the newest pair."""

    refresh_token: ShortText


class TokensShown(Shown):
    """`access_token` opens everything for `expires_in` seconds, `refresh_token` gets the next."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # A kind of token.
    expires_in: int
    refresh_token: str
    scope: str

    @classmethod
    def of(cls, pair: TokenPair) -> "TokensShown":
        """As OAuth2 writes it."""
        return cls(
            access_token=pair.access,
            expires_in=int(LIFETIME.total_seconds()),
            refresh_token=pair.refresh,
            scope=" ".join(sorted(pair.scopes)),
        )


class TicketShown(Shown):
    """For `/ws?ticket=…`, once, within `expires_in` seconds."""

    ticket: str
    expires_in: int = int(TICKET_LIFETIME.total_seconds())


class ProviderShown(Shown):
    """Where people may sign in instead; a browser is sent to `start`."""

    name: str
    start: str


class ProvidersShown(Shown):
    """Empty when none is configured."""

    items: list[ProviderShown]


class IdentityShown(Shown):
    """`open`: may come, and has not yet; `linked`: has come, and the provider says `subject`."""

    state: Literal["shut", "open", "linked"]
    subject: str | None = None
    linked_at: datetime | None = None

    @classmethod
    def of(cls, identity: Identity | None) -> "IdentityShown":
        """From the domain's identity."""
        if identity is None:
            return cls(state="shut")
        state: Literal["open", "linked"] = "open" if identity.subject is None else "linked"
        return cls(state=state, subject=identity.subject, linked_at=identity.linked_at)


MAX_DAYS, MAX_OVERLAP_HOURS = 3650, 24 * 30
Days = Annotated[int, Field(ge=1, le=MAX_DAYS), WHOLE]
Hours = Annotated[int, Field(ge=0, le=MAX_OVERLAP_HOURS), WHOLE]


class NewApiKey(Body):
    """A key of the caller, or for an administrator of the `user`."""

    name: CollectionName
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_in_days: Days | None = Field(default=None, description="Never, when absent.")
    user: UUID | None = None

    def request(self) -> KeyRequest:
        """As the accounts take it."""
        days = self.expires_in_days
        lifetime = None if days is None else timedelta(days=days)
        person = None if self.user is None else UserId(self.user)
        return KeyRequest(self.name, frozenset(self.scopes), lifetime, person)


class KeyRotation(Body):
    """The old key works for `overlap_hours` more."""

    overlap_hours: Hours = 24


class ApiKeyShown(Shown):
    """A key; its secret is nowhere."""

    id: UUID
    user_id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyShown":
        """From the domain's key."""
        return cls(**_shown(key))


class NewApiKeyShown(ApiKeyShown):
    """A key with its secret, which is told this once."""

    key: str

    @classmethod
    def made(cls, key: ApiKey, secret: str) -> "NewApiKeyShown":
        """From the domain's key and its secret."""
        return cls(**_shown(key), key=secret)


class ApiKeyPage(Shown):
    """The oldest first."""

    items: list[ApiKeyShown]
    next_cursor: str | None


class SessionShown(Shown):
    """An open session; `current` is the one that the request came with."""

    id: UUID
    kind: Literal["tokens", "browser"]
    opened_at: datetime
    last_used_at: datetime | None
    expires_at: datetime
    current: bool

    @classmethod
    def of(cls, session: OpenSession, caller: Principal) -> "SessionShown":
        """As its owner sees it."""
        return cls(
            id=session.id,
            kind=session.kind.value,
            opened_at=session.opened_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            current=session.id in {caller.session_id, caller.key_id},
        )


class SessionPage(Shown):
    """In order of their ids."""

    items: list[SessionShown]
    next_cursor: str | None


def _shown(key: ApiKey) -> dict[str, Any]:
    told = {name: getattr(key, name) for name in ApiKeyShown.model_fields}
    return {**told, "scopes": sorted(key.scopes)}
