"""Who is asking: the frozen result of an authenticated credential."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from citewell.domain.errors import DeniedError
from citewell.domain.ids import DEFAULT_TENANT, KeyId, SessionId, TenantId, UserId


class Role(IntEnum):
    """What a member of a tenant may do; each role includes the ones below it."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3
    OWNER = 4


class Scope(StrEnum):
    """What a credential may be used for, whatever the role of its owner."""

    SEARCH = "search"
    ASK = "ask"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller inside one tenant.

    `key_id` or `session_id` is the credential that they came with; the server's own work has none.
    """

    tenant_id: TenantId
    user_id: UserId
    role: Role
    scopes: frozenset[Scope]
    key_id: KeyId | None = None
    session_id: SessionId | None = None

    @property
    def runs_installation(self) -> bool:
        """Whether tenants are theirs to make: the owners of the first one."""
        return self.tenant_id == DEFAULT_TENANT and self.role is Role.OWNER

    def require(self, scope: Scope, role: Role = Role.VIEWER) -> None:
        """Pass, or raise `DeniedError` naming what is missing."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise DeniedError(f"This credential lacks the scope {scope.value!r}.")
        if self.role < role:
            raise DeniedError(f"This needs the role {role.name.lower()!r} or higher.")
