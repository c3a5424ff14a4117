"""Sessions: everybody sees and ends their own, an administrator ends somebody else's."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from citewell.accounts.administration.people import below
from citewell.accounts.service import ADMINISTRATOR, Accounts
from citewell.domain.accounts import OpenSession
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import UserId
from citewell.domain.principal import Principal, Role, Scope


@dataclass(frozen=True, slots=True)
class Sessions:
    """Every method raises `DeniedError` for a credential without the scope `admin`.

    What ends is refused at once in this process, within five seconds in others, sockets included.
    """

    accounts: Accounts

    async def page(
        self, principal: Principal, *, after: UUID | None = None, limit: int = 200
    ) -> Sequence[OpenSession]:
        """The caller's own that are open in this tenant, in order of their ids."""
        principal.require(Scope.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            return await tx.sessions.page(principal.user_id, after=after, limit=limit)

    async def end(self, principal: Principal, session_id: UUID) -> None:
        """End one of the caller's own; may be repeated. Raises `NotFoundError` for another."""
        principal.require(Scope.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            ended = await tx.sessions.end_own(principal.user_id, session_id)
            if ended is None:
                raise NotFoundError(f"No session {session_id}.")
            if ended:
                await tx.audit.record(principal.user_id, "session.close", str(session_id))
        self.accounts.recognition.forget()

    async def end_all(self, principal: Principal, person: UserId, *, keys: bool = False) -> None:
        """Sign a member out everywhere, a guest out of this tenant; with `keys`, end those too.

        Keys are those of this tenant. Raises `NotFoundError` for who is no member, `DeniedError`
        for who is above, and `ConflictError` for one's own keys and those of the server's file.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            member = await below(tx, principal, person)
            if keys and (person == principal.user_id or member.name == ADMINISTRATOR):
                raise ConflictError(
                    "These keys are not ended all at once: you would shut yourself out.",
                    hint="Revoke yours one by one; the administrator's is in secrets/admin-key.",
                )
            if member.home == principal.tenant_id:
                await tx.users.end_sessions(person)
            else:
                await tx.sessions.end_all(person)
            ended = await tx.keys.revoke_all(person) if keys else 0
            await tx.audit.record(
                principal.user_id, "session.close_all", str(person), details={"keys": ended}
            )
        self.accounts.recognition.forget()
