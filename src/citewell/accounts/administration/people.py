"""The people of a tenant: added, changed, shut out, removed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from citewell.accounts.passwords import check_strength
from citewell.accounts.privacy.service import ask_erasure
from citewell.accounts.service import ADMINISTRATOR, Accounts
from citewell.accounts.sign_in import Attempt, SignIn
from citewell.domain.accounts import Member, Tenant, fold_email
from citewell.domain.errors import (
    ConflictError,
    DeniedError,
    FieldProblem,
    InvalidError,
    UnauthenticatedError,
)
from citewell.domain.ids import DEFAULT_TENANT, UserId
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import Erasure
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.repositories.accounts.credentials import Membership
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be at home in a tenant; without a password they come with keys only."""

    name: str
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who a caller is, where they are, and where else they may go."""

    member: Member
    tenant: Tenant
    tenants: Sequence[Membership]


@dataclass(frozen=True, slots=True)
class People:
    """For administrators, and over nobody whose role is higher than their own.

    Every method raises `DeniedError`, and `NotFoundError` for who is no member. What belongs to
    the account (password, suspension) is changed where the person is at home, else it is a
    `ConflictError`.
    """

    accounts: Accounts

    async def introduce(self, principal: Principal) -> Introduction:
        """The caller to themselves."""
        async with self.accounts.database.transaction(principal) as tx:
            member = await tx.users.get(principal.user_id)
            async with tx.installation() as whole:
                tenant = await whole.tenants.get(principal.tenant_id)
                tenants = await whole.credentials.memberships(principal.user_id)
        return Introduction(member, tenant, tenants)

    async def page(
        self, principal: Principal, *, after: UUID | None = None, limit: int = 200
    ) -> Sequence[Member]:
        """In the order in which the accounts were made."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            return await tx.users.page(after=UserId(after) if after else None, limit=limit)

    async def get(self, principal: Principal, person: UserId) -> Member:
        """One of them."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            return await tx.users.get(person)

    async def add(
        self, principal: Principal, new: NewPerson, *, once: RequestKey | None = None
    ) -> Member:
        """Somebody new; a name or address that is taken is a `ConflictError`."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        _check_given(principal, new.role)
        hashed = await hashed_password(self.accounts, new)
        async with self.accounts.database.transaction(principal) as tx:
            key = None
            if once is not None:
                marked = self.accounts.repeating.mark(new.password or "")
                key = once.of(principal, new.name, new.email or "", marked, new.role.name)

            async def add() -> Member:
                person = await enter_person(tx, new, hashed)
                details = {"role": new.role.name.lower()}
                await tx.audit.record(
                    principal.user_id, "user.create", str(person), details=details
                )
                return await tx.users.get(person)

            made, _ = await do_once(tx, key, Member, add)
        return made

    async def change(
        self,
        principal: Principal,
        person: UserId,
        *,
        role: Role | None = None,
        suspended: bool | None = None,
    ) -> Member:
        """Give another role; shut out, or let in again. Raises `ConflictError` for the last owner.

        It counts at once in this process, within five seconds in others.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            member = await below(tx, principal, person)
            details: dict[str, object] = {}
            if role is not None:
                _check_given(principal, role)
                _check_founder(member, principal, role)
                await tx.users.set_role(person, role)
                details["role"] = role.name.lower()
            if suspended is not None:
                _check_other(principal, person, "suspend")
                check_home(member, principal)
                await tx.users.suspend(person, suspended=suspended)
                details["suspended"] = suspended
            if details:
                await tx.audit.record(
                    principal.user_id, "user.change", str(person), details=details
                )
            changed = await tx.users.get(person)
        self.accounts.recognition.forget()
        return changed

    async def set_password(self, principal: Principal, person: UserId, password: str) -> None:
        """Replace a person's password, which ends all of their sessions.

        Not where they have a higher role than the caller in another tenant: it opens that one too.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            member = await below(tx, principal, person)
            check_home(member, principal)
            async with tx.installation() as whole:
                roles = [one.role for one in await whole.credentials.memberships(person)]
            if any(role > principal.role for role in roles):
                raise DeniedError("In another tenant this person's role is higher than yours.")
        await self._replace(principal, member, password)

    async def change_password(self, principal: Principal, current: str, password: str) -> None:
        """Replace the caller's own password, which ends all of their sessions.

        Raises `InvalidError` when `current` is not it, and `LimitedError` as at the door.
        """
        principal.require(Scope.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            member = await tx.users.get(principal.user_id)
        try:
            # Guesses with a stolen token count like guesses at the door.
            guess = Attempt(member.email or "", current, f"user {member.id}")
            await SignIn(self.accounts).verify(guess)
        except UnauthenticatedError as error:
            problem = FieldProblem("current", "This is not it.")
            raise InvalidError("The present password is another one.", errors=(problem,)) from error
        await self._replace(principal, member, password)

    async def remove(self, principal: Principal, person: UserId) -> Erasure:
        """Shut a person out now, and have what is stored about them erased by a job.

        Of a guest, only what is in this tenant.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        _check_other(principal, person, "remove")
        async with self.accounts.database.transaction(principal) as tx:
            member = await below(tx, principal, person)
            asked = await ask_erasure(tx, principal, person, with_documents=False)
            if member.home == principal.tenant_id:
                await tx.users.suspend(person, suspended=True)
            else:
                await tx.users.leave(person)
            await tx.audit.record(principal.user_id, "user.remove", str(person))
        self.accounts.recognition.forget()
        return asked

    async def _replace(self, principal: Principal, member: Member, password: str) -> None:
        check_strength(password, about=member.email or "")
        hashed = await self.accounts.passwords.hash(password)
        async with self.accounts.database.transaction(member.home) as at_home:
            await at_home.users.set_password(member.id, hashed)
            await at_home.audit.record(principal.user_id, "user.password", str(member.id))
        self.accounts.recognition.forget()


async def hashed_password(accounts: Accounts, new: NewPerson) -> str | None:
    """What is stored of a new person's password; raises `InvalidError` for a weak one."""
    if new.password is None:
        return None
    if new.email is None:
        problem = FieldProblem("email", "A password needs an address to sign in with.")
        raise InvalidError("Nobody can sign in without an address.", errors=(problem,))
    check_strength(new.password, about=new.email)
    return await accounts.passwords.hash(new.password)


async def enter_person(tx: Transaction, new: NewPerson, hashed: str | None) -> UserId:
    """A new member at home in the transaction's tenant."""
    if new.name == ADMINISTRATOR:
        problem = FieldProblem("name", "The server's own administrator has this name.")
        raise InvalidError("This name is taken.", errors=(problem,))
    email = fold_email(new.email) if new.email else None
    person = await tx.users.add(new.name, email, hashed)
    await tx.users.join(person, new.role)
    return person


async def below(tx: Transaction, principal: Principal, person: UserId) -> Member:
    """A member whose role is not higher than the caller's; raises `DeniedError`."""
    member = await tx.users.get(person)
    if member.role > principal.role:
        raise DeniedError("This person's role is higher than yours.")
    return member


def _check_given(principal: Principal, role: Role) -> None:
    if role > principal.role:
        raise DeniedError("Nobody can give a role that is higher than their own.")


def _check_founder(member: Member, principal: Principal, role: Role) -> None:
    # Whoever administers the home of an account can sign in as it.
    is_first = principal.tenant_id == DEFAULT_TENANT
    if is_first and role is Role.OWNER and member.home != DEFAULT_TENANT:
        raise ConflictError("Whoever runs the installation is at home in its first tenant.")


def check_home(member: Member, principal: Principal) -> None:
    """Pass, or raise `ConflictError` for a guest."""
    if member.home != principal.tenant_id:
        raise ConflictError(
            "This person is a guest here.",
            hint="Their account is changed where they are at home; here you can remove them.",
        )


def _check_other(principal: Principal, person: UserId, what: str) -> None:
    if person == principal.user_id:
        raise ConflictError(f"You cannot {what} yourself.", hint="Ask another administrator.")
