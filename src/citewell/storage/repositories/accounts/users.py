"""The people of one tenant: those at home in it, and members from elsewhere."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from citewell.domain.accounts import Member
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import TenantId, UserId, new_id
from citewell.domain.principal import Role
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import memberships, users


class UserRepository(Scope):
    """The members of one tenant. Who is at home elsewhere can be read, but not changed, here."""

    async def add(self, name: str, email: str | None, password_hash: str | None) -> UserId:
        """A person at home here, who is no member yet; raises `ConflictError`."""
        user_id = UserId(new_id())
        made = insert(users).values(
            id=user_id,
            tenant_id=self.tenant_id,
            name=name,
            email=email,
            password_hash=password_hash,
        )
        try:
            await self.connection.execute(made)
        except IntegrityError as error:
            raise ConflictError(
                f"Somebody is named {name!r} or signs in with {email!r} already.",
                hint="A person has one account in the whole installation; whoever runs it can make"
                " them a member here too.",
            ) from error
        return user_id

    async def join(self, user_id: UserId, role: Role) -> None:
        """Make a person a member; raises `ConflictError` when they are one."""
        try:
            await self.connection.execute(
                insert(memberships).values(
                    id=new_id(), tenant_id=self.tenant_id, user_id=user_id, role=int(role)
                )
            )
        except IntegrityError as error:
            raise ConflictError(f"User {user_id} is a member already.") from error

    async def get(self, user_id: UserId) -> Member:
        """Raises `NotFoundError`."""
        found = await self._select(users.c.id == user_id)
        if not found:
            raise NotFoundError(f"No user {user_id}.")
        return found[0]

    async def find(self, name_or_email: str) -> Member:
        """Raises `NotFoundError`; an email address is expected folded."""
        either = (users.c.name == name_or_email) | (users.c.email == name_or_email)
        found = await self._select(either)
        if not found:
            raise NotFoundError(f"No user {name_or_email!r}.")
        return found[0]

    async def generation(self, user_id: UserId) -> int:
        """What a session opened now must be of; raises `NotFoundError`."""
        found = await self.connection.execute(
            select(users.c.generation).where(users.c.id == user_id)
        )
        generation = found.scalar_one_or_none()
        if generation is None:
            raise NotFoundError(f"No user {user_id}.")
        return int(generation)

    async def page(self, *, after: UserId | None = None, limit: int = 200) -> Sequence[Member]:
        """In the order in which the accounts were made, those after `after`."""
        beyond = [users.c.id > after] if after else []
        return await self._select(*beyond, limit=limit)

    async def set_role(self, user_id: UserId, role: Role) -> None:
        """Raises `NotFoundError`, and `ConflictError` when no owner would be left."""
        await self._hold_owners()
        changed = update(memberships).where(self._membership(user_id)).values(role=int(role))
        self._one(await self.connection.execute(changed), user_id)
        await self._assert_owned()

    async def leave(self, user_id: UserId) -> None:
        """End a membership with its sessions and shares; raises as `set_role`."""
        await self._hold_owners()
        self._one(
            await self.connection.execute(delete(memberships).where(self._membership(user_id))),
            user_id,
        )
        await self._assert_owned()

    async def remove(self, user_id: UserId) -> None:
        """Delete the account of somebody at home here, with every membership and key."""
        await self._hold_owners()
        gone = delete(users).where(self._at_home(user_id))
        self._one(await self.connection.execute(gone), user_id)
        await self._assert_owned()

    async def suspend(self, user_id: UserId, *, suspended: bool) -> None:
        """Shut out somebody at home here, from every tenant, or let them in again.

        What they had open stays closed. Raises `NotFoundError`.
        """
        at = func.coalesce(users.c.suspended_at, func.now()) if suspended else None
        await self._change(user_id, suspended_at=at, generation=users.c.generation + 1)

    async def set_password(self, user_id: UserId, password_hash: str) -> None:
        """Replace the password, which ends every session; raises `NotFoundError`."""
        changed = {"password_hash": password_hash, "generation": users.c.generation + 1}
        await self._change(user_id, **changed)

    async def end_sessions(self, user_id: UserId) -> None:
        """Sign a person out everywhere; raises `NotFoundError`."""
        await self._change(user_id, generation=users.c.generation + 1)

    async def _change(self, user_id: UserId, **values: Any) -> None:
        changed = update(users).where(self._at_home(user_id)).values(**values)
        self._one(await self.connection.execute(changed), user_id)

    async def _hold_owners(self) -> None:
        # Two owners who step down at the same moment must not both find the other one.
        owners = select(memberships.c.id).where(
            memberships.c.tenant_id == self.tenant_id, memberships.c.role == int(Role.OWNER)
        )
        await self.connection.execute(owners.order_by(memberships.c.id).with_for_update())

    async def _assert_owned(self) -> None:
        owners = await self.connection.execute(
            select(func.count())
            .select_from(memberships)
            .where(memberships.c.tenant_id == self.tenant_id, memberships.c.role == int(Role.OWNER))
        )
        if not owners.scalar_one():
            raise ConflictError(
                "A tenant needs an owner.", hint="Make somebody else an owner first."
            )

    async def _select(self, *conditions: ColumnElement[bool], limit: int = 1) -> list[Member]:
        rows = await self.connection.execute(
            _MEMBERS.where(memberships.c.tenant_id == self.tenant_id, *conditions)
            .order_by(users.c.id)
            .limit(limit)
        )
        return [_to_member(row) for row in rows]

    def _membership(self, user_id: UserId) -> ColumnElement[bool]:
        return (memberships.c.tenant_id == self.tenant_id) & (memberships.c.user_id == user_id)

    def _at_home(self, user_id: UserId) -> ColumnElement[bool]:
        return (users.c.tenant_id == self.tenant_id) & (users.c.id == user_id)

    @staticmethod
    def _one(done: Any, user_id: UserId) -> None:
        if done.rowcount == 0:
            raise NotFoundError(f"No user {user_id}.")


_MEMBERS: Select[Any] = select(
    users.c.id,
    users.c.tenant_id,
    users.c.name,
    users.c.email,
    users.c.created_at,
    users.c.suspended_at,
    memberships.c.role,
).join(memberships, memberships.c.user_id == users.c.id)


def _to_member(row: Row[Any]) -> Member:
    return Member(
        id=UserId(row.id),
        home=TenantId(row.tenant_id),
        name=row.name,
        email=row.email,
        role=Role(row.role),
        created_at=row.created_at,
        suspended_at=row.suspended_at,
    )
