"""What belongs to the whole installation: its tenants, the key ring, guesses at passwords."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.accounts import SigningKey, Tenant
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import DEFAULT_TENANT, TenantId, UserId, new_id
from citewell.domain.principal import Role
from citewell.storage.repositories.accounts.credentials import CredentialRepository
from citewell.storage.repositories.accounts.identities import IdentityLookups
from citewell.storage.repositories.accounts.quotas import QuotaLimits
from citewell.storage.tables.sessions import signing_keys
from citewell.storage.tables.tenancy import memberships, tenants


@dataclass(frozen=True)
class Installation:
    """Runs as the system role, which sees across tenants and no document."""

    connection: AsyncConnection

    @cached_property
    def credentials(self) -> CredentialRepository:
        """Who holds a credential."""
        return CredentialRepository(self.connection)

    @cached_property
    def identities(self) -> IdentityLookups:
        """Whom a provider of sign-ins vouches for."""
        return IdentityLookups(self.connection)

    @cached_property
    def tenants(self) -> "TenantRepository":
        """Every tenant."""
        return TenantRepository(self.connection)

    @cached_property
    def quotas(self) -> QuotaLimits:
        """How much every tenant may store."""
        return QuotaLimits(self.connection)

    @cached_property
    def signing_keys(self) -> "SigningKeyRepository":
        """The keys that sign access tokens."""
        return SigningKeyRepository(self.connection)

    async def owned_alone(self, person: UserId) -> int:
        """How many tenants have this person for their only owner."""
        others = memberships.alias()
        nobody_else = ~(
            select(others.c.id)
            .where(
                others.c.tenant_id == memberships.c.tenant_id,
                others.c.role == int(Role.OWNER),
                others.c.user_id != person,
            )
            .exists()
        )
        found = await self.connection.execute(
            select(func.count())
            .select_from(memberships)
            .where(
                memberships.c.user_id == person, memberships.c.role == int(Role.OWNER), nobody_else
            )
        )
        return int(found.scalar_one())

    async def guess(self, subject: bytes, *, most: int, window: timedelta) -> timedelta | None:
        """Count an attempt, at most `most` in any `window`; else how long to wait for the next.

        Only attempts that were allowed count, so that hammering does not lock anybody out for
        longer than the window.
        """
        found = await self.connection.execute(
            _GUESS, {"subject": subject, "most": most, "window": window}
        )
        row = found.one_or_none()
        if row is not None:
            return None
        oldest = await self.connection.execute(_NEXT_GUESS, {"subject": subject, "window": window})
        left = oldest.scalar_one_or_none()
        return left if isinstance(left, timedelta) else timedelta()

    async def forget_guesses(self, *, older_than: timedelta) -> None:
        """Drop subjects that nobody has tried for a while."""
        await self.connection.execute(
            text("DELETE FROM sign_in_guesses WHERE times[array_upper(times, 1)] < now() - :age"),
            {"age": older_than},
        )


# The row's lock makes the count exact however many servers ask at the same moment: the second one
# sees what the first one wrote.
_GUESS = text(
    "INSERT INTO sign_in_guesses AS g (subject, times) VALUES (:subject, ARRAY[clock_timestamp()])"
    " ON CONFLICT (subject) DO UPDATE SET times ="
    "  (g.times || clock_timestamp())[greatest(1, cardinality(g.times) + 2 - :most):]"
    " WHERE cardinality(g.times) < :most"
    "  OR g.times[cardinality(g.times) + 1 - :most] < clock_timestamp() - cast(:window AS interval)"
    " RETURNING 1"
)
_NEXT_GUESS = text(
    "SELECT times[1] + cast(:window AS interval) - clock_timestamp() FROM sign_in_guesses"
    " WHERE subject = :subject"
)


@dataclass(frozen=True, slots=True)
class TenantRepository:
    """Every tenant of the installation."""

    connection: AsyncConnection

    async def create(self, name: str) -> Tenant:
        """An empty tenant; raises `ConflictError` when the name is taken."""
        tenant_id = TenantId(new_id())
        try:
            await self.connection.execute(insert(tenants).values(id=tenant_id, name=name))
        except IntegrityError as error:
            raise ConflictError(
                f"A tenant named {name!r} exists already.", hint="Choose another name."
            ) from error
        return await self.get(tenant_id)

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Raises `NotFoundError`."""
        rows = await self.connection.execute(_TENANTS.where(tenants.c.id == tenant_id))
        row = rows.one_or_none()
        if row is None:
            raise NotFoundError(f"No tenant {tenant_id}.")
        return Tenant(TenantId(row.id), row.name, row.created_at, row.suspended_at)

    async def find(self, name: str) -> Tenant | None:
        """By name."""
        rows = await self.connection.execute(_TENANTS.where(tenants.c.name == name))
        row = rows.one_or_none()
        if row is None:
            return None
        return Tenant(TenantId(row.id), row.name, row.created_at, row.suspended_at)

    async def every(self) -> Sequence[TenantId]:
        """Their ids, the oldest first."""
        rows = await self.connection.execute(select(tenants.c.id).order_by(tenants.c.id))
        return [TenantId(key) for key in rows.scalars()]

    async def page(self, *, after: str = "", limit: int = 200) -> Sequence[Tenant]:
        """In order of name, those after `after`."""
        rows = await self.connection.execute(
            _TENANTS.where(tenants.c.name > after).order_by(tenants.c.name).limit(limit)
        )
        return [Tenant(TenantId(r.id), r.name, r.created_at, r.suspended_at) for r in rows]

    async def change(
        self, tenant_id: TenantId, *, name: str | None = None, suspended: bool | None = None
    ) -> Tenant:
        """Rename, shut or open a tenant.

        Raises `NotFoundError`, and `ConflictError` for a taken name or for shutting the first one.
        """
        if suspended and tenant_id == DEFAULT_TENANT:
            raise ConflictError("The first tenant runs the installation and cannot be suspended.")
        values: dict[str, object] = {} if name is None else {"name": name}
        if suspended is not None:
            at = func.coalesce(tenants.c.suspended_at, func.now())
            values["suspended_at"] = at if suspended else None
        if values:
            changed = update(tenants).where(tenants.c.id == tenant_id).values(**values)
            try:
                await self.connection.execute(changed)
            except IntegrityError as error:
                raise ConflictError(f"A tenant named {name!r} exists already.") from error
        return await self.get(tenant_id)


_TENANTS = select(tenants.c.id, tenants.c.name, tenants.c.created_at, tenants.c.suspended_at)


@dataclass(frozen=True, slots=True)
class SigningKeyRepository:
    """The ring: added, promoted, retired; nothing is deleted while it may still be looked at."""

    connection: AsyncConnection

    async def living(self) -> Sequence[SigningKey]:
        """Every key whose signatures are believed now or later, the oldest first."""
        rows = await self.connection.execute(
            select(signing_keys)
            .where(signing_keys.c.retired_at.is_(None) | (signing_keys.c.retired_at > func.now()))
            .order_by(signing_keys.c.added_at, signing_keys.c.kid)
        )
        return [SigningKey(**row._mapping) for row in rows]  # noqa: SLF001  # A public name.

    async def lock(self) -> None:
        """Whoever changes the ring does it alone until this transaction ends."""
        await self.connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended("citewell signing keys", 0)))
        )

    async def add(self, kid: str, algorithm: str, public_key: bytes, sealed: bytes) -> None:
        """A key that others may learn before it signs anything."""
        await self.connection.execute(
            insert(signing_keys).values(
                kid=kid, algorithm=algorithm, public_key=public_key, sealed_private_key=sealed
            )
        )

    async def promote(self, kid: str) -> None:
        """Let it sign from now on; raises `NotFoundError` for one that is not living."""
        await self._change(kid, promoted_at=func.clock_timestamp())

    async def retire(self, kid: str, grace: timedelta) -> None:
        """Believe it for `grace` at most; raises `NotFoundError` for one that is not living."""
        # What has an end already never gets a later one.
        end = func.least(signing_keys.c.retired_at, func.clock_timestamp() + grace)
        await self._change(kid, retired_at=end)

    async def _change(self, kid: str, **values: object) -> None:
        done = await self.connection.execute(
            update(signing_keys)
            .where(
                signing_keys.c.kid == kid,
                signing_keys.c.retired_at.is_(None) | (signing_keys.c.retired_at > func.now()),
            )
            .values(**values)
        )
        if done.rowcount == 0:
            raise NotFoundError(f"No living signing key {kid}.")
