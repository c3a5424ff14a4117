"""Tenants: made with their first owner, renamed, shut, opened; guests of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.accounts.administration.people import NewPerson, enter_person, hashed_password
from citewell.accounts.service import Accounts
from citewell.domain.accounts import Member, Tenant, fold_email
from citewell.domain.errors import ConflictError, DeniedError, FieldProblem, InvalidError
from citewell.domain.ids import DEFAULT_TENANT, TenantId, UserId
from citewell.domain.principal import Principal, Role
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Tenants:
    """For the owners of the installation: everybody else gets a `DeniedError`."""

    accounts: Accounts

    async def page(
        self, principal: Principal, *, after: str = "", limit: int = 200
    ) -> Sequence[Tenant]:
        """In order of name."""
        _check(principal)
        async with self.accounts.database.installation() as whole:
            return await whole.tenants.page(after=after, limit=limit)

    async def create(
        self, principal: Principal, name: str, owner: NewPerson, *, once: RequestKey | None = None
    ) -> Tenant:
        """A tenant with its owner: somebody new with a password, or by the address of an account.

        Raises `ConflictError` for a name that is taken and `InvalidError` for an owner who could
        not sign in.
        """
        _check(principal)
        email = fold_email(owner.email or "")
        async with self.accounts.database.installation() as whole:
            known = await whole.credentials.user(email)
        hashed = None if known else await hashed_password(self.accounts, owner)
        _check_owner(known, owner)
        async with self.accounts.database.transaction(principal) as tx:
            key = None
            if once is not None:
                marked = self.accounts.repeating.mark(owner.password or "")
                key = once.of(principal, name, email, owner.name, marked)

            async def create() -> Tenant:
                async with tx.installation() as whole:
                    made = await whole.tenants.create(name)
                async with tx.inside_new(made.id) as there:
                    if known is None:
                        await enter_person(there, owner, hashed)
                    else:
                        await there.users.join(known, Role.OWNER)
                    await there.audit.record(principal.user_id, "tenant.create", str(made.id))
                await tx.audit.record(principal.user_id, "tenant.create", str(made.id))
                return made

            made, _ = await do_once(tx, key, Tenant, create)
        return made

    async def change(
        self,
        principal: Principal,
        tenant_id: TenantId,
        *,
        name: str | None = None,
        suspended: bool | None = None,
    ) -> Tenant:
        """Rename; shut, which ends everybody's access to it, or open again.

        Raises `NotFoundError`, and `ConflictError` for a taken name or for shutting the first one.
        """
        _check(principal)
        async with self.accounts.database.transaction(principal) as tx:
            async with tx.installation() as whole:
                changed = await whole.tenants.change(tenant_id, name=name, suspended=suspended)
            details = {} if suspended is None else {"suspended": suspended}
            target = str(tenant_id)
            await tx.audit.record(principal.user_id, "tenant.change", target, details=details)
        self.accounts.recognition.forget()
        return changed

    async def invite(
        self,
        principal: Principal,
        tenant_id: TenantId,
        email: str,
        role: Role,
        *,
        once: RequestKey | None = None,
    ) -> Member:
        """Make somebody who has an account a member of a tenant.

        Raises `NotFoundError` for a tenant, `InvalidError` for an address that nobody has, and
        `ConflictError` for a member.
        """
        _check(principal)
        async with self.accounts.database.installation() as whole:
            await whole.tenants.get(tenant_id)
            person = await whole.credentials.user(fold_email(email))
        if person is None:
            problem = FieldProblem("email", "Nobody has this address.")
            raise InvalidError("There is no such account.", errors=(problem,))
        # Before a connection is held: whoever holds one must not wait for another.
        await self.accounts.database.seal(tenant_id)
        async with self.accounts.database.transaction(principal) as tx:
            key = (
                None if once is None else once.of(principal, str(tenant_id), str(person), role.name)
            )

            async def join() -> Member:
                async with tx.inside(tenant_id) as there:
                    return await _join(there, principal, person, role)

            member, _ = await do_once(tx, key, Member, join)
        return member


async def _join(there: Transaction, principal: Principal, person: UserId, role: Role) -> Member:
    await there.users.join(person, role)
    member = await there.users.get(person)
    is_first = there.tenant_id == DEFAULT_TENANT
    if is_first and role is Role.OWNER and member.home != DEFAULT_TENANT:
        raise ConflictError("Whoever runs the installation is at home in its first tenant.")
    details = {"role": role.name.lower()}
    await there.audit.record(principal.user_id, "user.invite", str(person), details=details)
    return member


def _check(principal: Principal) -> None:
    if not principal.runs_installation:
        raise DeniedError("This is for the owners of the installation.")


def _check_owner(known: UserId | None, owner: NewPerson) -> None:
    if known is None and owner.password is None:
        problem = FieldProblem("owner.password", "Nobody has this address; give a new password.")
        raise InvalidError("The owner could not sign in.", errors=(problem,))
    if known is not None and owner.password is not None:
        problem = FieldProblem("owner.password", "This person has one already; leave it out.")
        raise InvalidError("The owner has an account.", errors=(problem,))
