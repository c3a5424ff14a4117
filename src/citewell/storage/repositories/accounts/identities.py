"""Who a provider of sign-ins vouches for: kept where the person is at home, found from anywhere."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.accounts import Identity
from citewell.domain.errors import ConflictError
from citewell.domain.ids import TenantId, UserId, new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import identities, users


class IdentityRepository(Scope):
    """The identities of people at home in one tenant."""

    async def of(self, person: UserId, issuer: str) -> Identity | None:
        """The identity that a person has, or may come with, at a provider."""
        found = await self.connection.execute(
            select(identities).where(
                identities.c.tenant_id == self.tenant_id,
                identities.c.user_id == person,
                identities.c.issuer == issuer,
            )
        )
        row = found.one_or_none()
        return None if row is None else _to_identity(row)

    async def invite(self, person: UserId, issuer: str) -> bool:
        """Let a person come by their address; False when they may, or have come, already."""
        made = await self.connection.execute(
            insert(identities)
            .values(id=new_id(), tenant_id=self.tenant_id, user_id=person, issuer=issuer)
            .on_conflict_do_nothing()
            .returning(identities.c.id)
        )
        return made.one_or_none() is not None

    async def accept(self, person: UserId, issuer: str, subject: str) -> None:
        """Somebody who was invited has come; raises `ConflictError` when they no longer may."""
        invited = (
            update(identities)
            .where(
                identities.c.tenant_id == self.tenant_id,
                identities.c.user_id == person,
                identities.c.issuer == issuer,
                identities.c.subject.is_(None),
            )
            .values(subject=subject, linked_at=func.now())
        )
        try:
            done = await self.connection.execute(invited)
        except IntegrityError as error:
            raise _taken() from error
        if done.rowcount == 0:
            raise _taken()

    async def add(self, person: UserId, issuer: str, subject: str) -> None:
        """The identity that somebody new has come with; raises `ConflictError`."""
        new = insert(identities).values(
            id=new_id(),
            tenant_id=self.tenant_id,
            user_id=person,
            issuer=issuer,
            subject=subject,
            linked_at=func.now(),
        )
        try:
            await self.connection.execute(new)
        except IntegrityError as error:
            raise _taken() from error

    async def forget(self, person: UserId) -> bool:
        """No provider vouches for this person any more; returns whether one did or might."""
        gone = await self.connection.execute(
            delete(identities).where(
                identities.c.tenant_id == self.tenant_id, identities.c.user_id == person
            )
        )
        return bool(gone.rowcount)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whose identity it is, and whether they are let in at all."""

    user_id: UserId
    home: TenantId
    generation: int
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class IdentityLookups:
    """Runs as the system role: before anybody knows in which tenant a person is at home."""

    connection: AsyncConnection

    async def find(self, issuer: str, subject: str) -> Vouched | None:
        """Whom a provider calls so."""
        return await self._find(identities.c.issuer == issuer, identities.c.subject == subject)

    async def invited(self, issuer: str, email: str) -> Vouched | None:
        """Who may come by this address, already folded, and has not yet."""
        return await self._find(
            identities.c.issuer == issuer, identities.c.subject.is_(None), users.c.email == email
        )

    async def _find(self, *conditions: Any) -> Vouched | None:
        found = await self.connection.execute(
            select(users.c.id, users.c.tenant_id, users.c.generation, users.c.suspended_at)
            .join(
                identities,
                (identities.c.user_id == users.c.id)
                # A row that is anywhere else than at home vouches for nobody.
                & (identities.c.tenant_id == users.c.tenant_id),
            )
            .where(*conditions)
        )
        row = found.one_or_none()
        if row is None:
            return None
        suspended = row.suspended_at is not None
        return Vouched(UserId(row.id), TenantId(row.tenant_id), row.generation, suspended)


def _taken() -> ConflictError:
    return ConflictError(
        "This sign-in belongs to another account, or may not be used for this one any more.",
        hint="Ask an administrator.",
    )


def _to_identity(row: Row[Any]) -> Identity:
    return Identity(UserId(row.user_id), row.issuer, row.subject, row.created_at, row.linked_at)
