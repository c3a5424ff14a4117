"""People that the stories begin with."""

from citewell.accounts.passwords import Passwords
from citewell.accounts.service import Accounts
from citewell.accounts.sign_in import Attempt
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role, Scope

PASSWORD = "correct horse battery"
_HASHED: list[str] = []


async def add_person(
    accounts: Accounts, tenant: TenantId, email: str, role: Role = Role.EDITOR
) -> Principal:
    """A member whose password is `PASSWORD`, which is hashed once for all of them."""
    if not _HASHED:
        _HASHED.append(await Passwords().hash(PASSWORD))
    async with accounts.database.transaction(tenant) as tx:
        user = await tx.users.add(email, email, _HASHED[0])
        await tx.users.join(user, role)
    return Principal(tenant, user, role, frozenset(Scope))


def attempt(email: str, password: str = PASSWORD, **more: str) -> Attempt:
    """Somebody at the door."""
    return Attempt(email, password, more.get("address", "192.0.2.1"), more.get("tenant", ""))
