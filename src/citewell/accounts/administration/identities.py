"""Whose account may be entered through the provider of sign-ins: opened, shown, shut."""

from dataclasses import dataclass

from citewell.accounts.administration.people import below, check_home
from citewell.accounts.service import Accounts
from citewell.domain.accounts import Identity, Member
from citewell.domain.errors import ConflictError
from citewell.domain.ids import UserId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Identities:
    """For administrators of the tenant where a person is at home, and over nobody above them.

    `issuer` is the provider that is configured, empty when there is none. Every method raises
    `DeniedError`, `NotFoundError` for who is no member, and `ConflictError` for a guest.
    """

    accounts: Accounts
    issuer: str

    async def get(self, principal: Principal, person: UserId) -> Identity | None:
        """What the provider calls a person, or that they may come; None when they may not."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            await self._at_home(tx, principal, person)
            return await tx.identities.of(person, self.issuer)

    async def open(self, principal: Principal, person: UserId) -> Identity | None:
        """Let a person come through the provider, by the address of their account; may be repeated.

        Raises `ConflictError` when that cannot be.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            member = await self._at_home(tx, principal, person)
            if not self.issuer:
                raise ConflictError(
                    "No provider of sign-ins is configured.", hint="Set CITEWELL_OIDC__ISSUER."
                )
            if member.email is None:
                raise ConflictError(
                    "This person has no address that a provider could know them by.",
                    hint="Add them anew with one.",
                )
            if await tx.identities.invite(person, self.issuer):
                details = {"issuer": self.issuer}
                await tx.audit.record(
                    principal.user_id, "identity.open", str(person), details=details
                )
            return await tx.identities.of(person, self.issuer)

    async def shut(self, principal: Principal, person: UserId) -> None:
        """Nobody comes in as this person through a provider any more; ends all of their sessions.

        Their password and API keys go on. May be repeated.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            await self._at_home(tx, principal, person)
            if await tx.identities.forget(person):
                await tx.users.end_sessions(person)
                await tx.audit.record(principal.user_id, "identity.shut", str(person))
        self.accounts.recognition.forget()

    async def _at_home(self, tx: Transaction, principal: Principal, person: UserId) -> Member:
        member = await below(tx, principal, person)
        check_home(member, principal)
        return member
