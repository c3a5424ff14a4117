"""Shares of collections, as clients see them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import ConfigDict, model_validator

from citewell.api.schemas.accounts import RoleName, name_of, role_of
from citewell.api.schemas.fields import Body, Shown
from citewell.domain.accounts import Access, Share
from citewell.domain.ids import UserId
from citewell.domain.principal import Role


class NewShare(Body):
    """With one member, or with everybody whose role is this one or higher."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("user", "role")
            ]
        },
    )

    user: UUID | None = None
    role: RoleName | None = None
    access: Access = Access.READ

    @model_validator(mode="after")
    def _has_one_grantee(self) -> Self:
        if (self.user is None) == (self.role is None):
            raise ValueError("Name a `user` or a `role`, not both.")
        return self

    def grantee(self) -> UserId | Role:
        """Whom to share with."""
        if self.role is not None:
            return role_of(self.role)
        assert self.user is not None
        return UserId(self.user)


class ShareShown(Shown):
    """One share; writing includes reading."""

    id: UUID
    user: UUID | None
    role: RoleName | None
    access: Access
    created_at: datetime

    @classmethod
    def of(cls, share: Share) -> "ShareShown":
        """From the domain's share."""
        return cls(
            id=share.id,
            user=share.user_id,
            role=None if share.role is None else name_of(share.role),
            access=share.access,
            created_at=share.created_at,
        )


class ShareList(Shown):
    """The oldest first."""

    items: list[ShareShown]
