"""Signing in, and what a client carries afterwards."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from citewell.accounts.sign_in import TICKET_LIFETIME, TokenPair, scopes_in
from citewell.accounts.tokens import LIFETIME
from citewell.api.schemas.fields import Body, ShortText, Shown, Text
from citewell.domain.principal import Scope


class PasswordForm(BaseModel):
    """OAuth2's password grant; as its standard asks, fields that are not known are left alone."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["password"] = "password"
    username: ShortText = Field(description="The email address.")
    password: Text = Field(max_length=1024)
    scope: ShortText = Field(
        default="",
        description="Scopes with spaces between; all of them when empty.",
        json_schema_extra={"pattern": f"^(({'|'.join(Scope)}| ) ?)*$"},
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
