"""People, tenants and what was done, as clients see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from citewell.accounts.administration.people import Introduction, NewPerson
from citewell.api.schemas.fields import CONTROLS, Body, Change, CollectionName, Shown, Text
from citewell.domain.accounts import Member
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.repositories.accounts.credentials import Membership

RoleName = Literal["viewer", "editor", "admin", "owner"]
_PART = f"[^\\s@{CONTROLS}]"
_ADDRESS = f"^{_PART}{{1,64}}@{_PART}{{1,189}}$"

Email = Annotated[str, Field(max_length=254, pattern=_ADDRESS), AfterValidator(str.strip)]
Password = Annotated[Text, Field(max_length=1024, description="At least 12 characters.")]


class NewUser(Body):
    """Somebody to be at home in the tenant; without a password they come with keys only."""

    name: CollectionName
    email: Email | None = None
    password: Password | None = Field(default=None, repr=False)
    role: RoleName = "viewer"

    def person(self) -> NewPerson:
        """As the accounts take it."""
        return NewPerson(self.name, self.email, self.password, role_of(self.role))


class UserChange(Change):
    """What is left out stays."""

    role: RoleName = "viewer"
    suspended: StrictBool = False

    def given(self) -> dict[str, Any]:
        """What was said, as the accounts take it."""
        given = self.model_dump(exclude_unset=True)
        return {**given, "role": role_of(self.role)} if "role" in given else given


class NewPassword(Body):
    """For somebody else."""

    password: Password = Field(repr=False)


class PasswordChange(Body):
    """For oneself."""

    current: Password = Field(repr=False)
    password: Password = Field(repr=False)


class UserShown(Shown):
    """A member; a `guest` is at home in another tenant."""

    id: UUID
    name: str
    email: str | None
    role: RoleName
    guest: bool
    created_at: datetime
    suspended_at: datetime | None

    @classmethod
    def of(cls, member: Member, tenant_id: TenantId) -> "UserShown":
        """As a tenant sees them."""
        told = {name: getattr(member, name) for name in ("id", "name", "email", "created_at")}
        return cls(
            **told,
            role=name_of(member.role),
            guest=member.home != tenant_id,
            suspended_at=member.suspended_at,
        )


class UserPage(Shown):
    """In the order in which the accounts were made."""

    items: list[UserShown]
    next_cursor: str | None


class TenantNamed(Shown):
    """A tenant that the caller may enter, and as what."""

    id: UUID
    name: str
    role: RoleName

    @classmethod
    def of(cls, membership: Membership) -> "TenantNamed":
        """From a membership."""
        role = name_of(membership.role)
        return cls(id=membership.tenant_id, name=membership.tenant, role=role)


class Me(Shown):
    """Who the caller is, in which tenant, and what the credential is good for."""

    id: UUID
    name: str
    email: str | None
    role: RoleName
    tenant_id: UUID
    tenant: str
    scopes: list[Scope]
    tenants: list[TenantNamed]

    @classmethod
    def of(cls, principal: Principal, found: Introduction) -> "Me":
        """From the accounts' introduction."""
        return cls(
            id=found.member.id,
            name=found.member.name,
            email=found.member.email,
            role=name_of(principal.role),
            tenant_id=found.tenant.id,
            tenant=found.tenant.name,
            scopes=sorted(principal.scopes),
            tenants=[TenantNamed.of(one) for one in found.tenants],
        )


class NewOwner(Body):
    """Who has an account is known by the address alone; anybody else needs a name and a password.

    They sign in to the new tenant, and add everybody else there.
    """

    email: Email
    name: CollectionName | None = None
    password: Password | None = Field(default=None, repr=False)


class NewTenant(Body):
    """A tenant with its first owner."""

    name: CollectionName
    owner: NewOwner

    def first(self) -> NewPerson:
        """The owner as the accounts take them."""
        name = self.owner.name or self.owner.email
        return NewPerson(name, self.owner.email, self.owner.password, Role.OWNER)


class TenantChange(Change):
    """What is left out stays."""

    name: CollectionName = ""
    suspended: StrictBool = False


class TenantShown(Shown):
    """A separate world of collections and people."""

    id: UUID
    name: str
    created_at: datetime
    suspended_at: datetime | None


class TenantPage(Shown):
    """In order of name."""

    items: list[TenantShown]
    next_cursor: str | None


class Invitation(Body):
    """Somebody who has an account already."""

    email: Email
    role: RoleName = "viewer"


class AuditShown(Shown):
    """One action; `actor` is null for what was done in the installation's database.

    `hash` seals the record and every one before it.
    """

    number: int
    id: UUID
    actor: UUID | None
    action: str
    target: str
    details: Mapping[str, Any]
    request_id: str
    at: datetime
    hash: Annotated[str, BeforeValidator(bytes.hex)]


class AuditPage(Shown):
    """The newest first."""

    items: list[AuditShown]
    next_cursor: str | None


def role_of(name: RoleName) -> Role:
    """The role of a name."""
    return Role[name.upper()]


def name_of(role: Role) -> RoleName:
    """The name of a role."""
    names: Mapping[Role, RoleName] = {
        Role.VIEWER: "viewer", Role.EDITOR: "editor", Role.ADMIN: "admin", Role.OWNER: "owner",
    }  # fmt: skip
    return names[role]
