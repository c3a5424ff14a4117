"""Who holds a credential: looked up across tenants, before anybody knows which one it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import KeyId, SessionId, TenantId, UserId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.tables.sessions import refresh_tokens, socket_tickets
from citewell.storage.tables.tenancy import api_keys, memberships, tenants, users

TOUCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A living API key: what to compare the secret with, and whose it is."""

    digest: bytes
    principal: Principal
    is_session: bool
    # Whether its use has not been written down for a while.
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in with an email address needs; nobody is found for a suspended person."""

    user_id: UserId
    home: TenantId
    password_hash: str | None
    generation: int


@dataclass(frozen=True, slots=True)
class Membership:
    """One of the tenants that a person may enter."""

    tenant_id: TenantId
    tenant: str
    role: Role


@dataclass(frozen=True, slots=True)
class CredentialRepository:
    """Runs as the system role. Only living credentials of people and tenants in use are found."""

    connection: AsyncConnection

    async def key(self, key_id: KeyId) -> HeldKey | None:
        """An API key by its id."""
        return next(iter(await self._keys(_KEYS_BY_ID, ids=[key_id])), None)

    async def key_by_digest(self, digest: bytes) -> HeldKey | None:
        """An API key of the first release, which has no id in it."""
        return next(iter(await self._keys(_KEY_BY_DIGEST, digest=digest)), None)

    async def keys(self, key_ids: Collection[KeyId]) -> Mapping[KeyId, Principal]:
        """The holders of those keys that live."""
        found = await self._keys(_KEYS_BY_ID, ids=list(key_ids)) if key_ids else []
        return {one.principal.key_id: one.principal for one in found if one.principal.key_id}

    async def session(self, session_id: SessionId) -> Principal | None:
        """The holder of a session that has not ended."""
        return (await self.sessions([session_id])).get(session_id)

    async def sessions(self, ids: Collection[SessionId]) -> Mapping[SessionId, Principal]:
        """The holders of those sessions that have not ended."""
        if not ids:
            return {}
        rows = await self.connection.execute(_SESSIONS, {"ids": list(ids)})
        return {
            SessionId(row.family): _to_principal(row, session_id=SessionId(row.family))
            for row in rows
        }

    async def refresh_token(self, digest: bytes) -> tuple[TenantId, UserId] | None:
        """Whose refresh token it is, living or not."""
        found = await self.connection.execute(
            select(refresh_tokens.c.tenant_id, refresh_tokens.c.user_id).where(
                refresh_tokens.c.digest == digest
            )
        )
        row = found.one_or_none()
        return None if row is None else (TenantId(row.tenant_id), UserId(row.user_id))

    async def redeem_ticket(self, digest: bytes) -> Principal | None:
        """Who asked for a ticket, which is gone afterwards, whoever redeems it first."""
        gone = await self.connection.execute(
            delete(socket_tickets)
            .where(socket_tickets.c.digest == digest)
            .returning(
                socket_tickets.c.key_id,
                socket_tickets.c.family,
                (socket_tickets.c.expires_at > func.now()).label("is_live"),
            )
        )
        row = gone.one_or_none()
        if row is None or not row.is_live:
            return None
        if row.key_id is None:
            return await self.session(SessionId(row.family))
        held = await self.key(KeyId(row.key_id))
        return None if held is None else held.principal

    async def account(self, email: str) -> Account | None:
        """The person who signs in with this address, already folded."""
        found = await self.connection.execute(
            select(users.c.id, users.c.tenant_id, users.c.password_hash, users.c.generation).where(
                users.c.email == email, users.c.suspended_at.is_(None)
            )
        )
        row = found.one_or_none()
        if row is None:
            return None
        home, generation = TenantId(row.tenant_id), row.generation
        return Account(UserId(row.id), home, row.password_hash, generation)

    async def user(self, email: str) -> UserId | None:
        """The person with this address, whether suspended or not."""
        found = await self.connection.execute(select(users.c.id).where(users.c.email == email))
        row = found.one_or_none()
        return None if row is None else UserId(row.id)

    async def memberships(self, user_id: UserId) -> Sequence[Membership]:
        """The tenants in use that a person may enter, their home first."""
        rows = await self.connection.execute(
            select(tenants.c.id, tenants.c.name, memberships.c.role)
            .join(memberships, memberships.c.tenant_id == tenants.c.id)
            .join(users, users.c.id == memberships.c.user_id)
            .where(memberships.c.user_id == user_id, tenants.c.suspended_at.is_(None))
            .order_by(users.c.tenant_id != tenants.c.id, tenants.c.name)
        )
        return [Membership(TenantId(row.id), row.name, Role(row.role)) for row in rows]

    async def rehash(self, account: Account, password_hash: str) -> None:
        """Keep the same password under newer parameters, unless it has changed meanwhile."""
        await self.connection.execute(
            update(users)
            .where(users.c.id == account.user_id, users.c.password_hash == account.password_hash)
            .values(password_hash=password_hash)
        )

    async def touch(self, key_id: KeyId) -> None:
        """Note that a key was used now."""
        # Two requests at once must not wait for each other only to note the same minute.
        await self.connection.execute(
            text(
                "UPDATE api_keys SET last_used_at = now() WHERE id ="
                " (SELECT id FROM api_keys WHERE id = :id FOR UPDATE SKIP LOCKED)"
            ),
            {"id": key_id},
        )

    async def _keys(self, statement: Select[Any], **values: object) -> list[HeldKey]:
        return [
            HeldKey(
                row.digest,
                _to_principal(row, key_id=KeyId(row.id)),
                row.generation is not None,
                row.is_stale,
            )
            for row in await self.connection.execute(statement, values)
        ]


def _is_in_force(key: FromClause) -> ColumnElement[bool]:
    return key.c.revoked_at.is_(None) & (
        key.c.expires_at.is_(None) | (key.c.expires_at > func.now())
    )


def _living(credential: Any) -> Select[Any]:
    """A credential's holder, who is a member, in a tenant, neither of them suspended."""
    return (
        select(
            credential.c.tenant_id, credential.c.user_id, credential.c.scopes, memberships.c.role
        )
        .select_from(credential)
        .join(
            memberships,
            (memberships.c.user_id == credential.c.user_id)
            & (memberships.c.tenant_id == credential.c.tenant_id),
        )
        .join(users, users.c.id == credential.c.user_id)
        .join(tenants, tenants.c.id == credential.c.tenant_id)
        .where(users.c.suspended_at.is_(None), tenants.c.suspended_at.is_(None))
    )


def _living_keys() -> Select[Any]:
    opener = api_keys.alias()
    opener_lives = select(opener.c.id).where(
        opener.c.id == api_keys.c.opened_by, _is_in_force(opener)
    )
    stale = api_keys.c.last_used_at < text(f"now() - interval '{TOUCH_SECONDS} seconds'")
    return (
        _living(api_keys)
        .add_columns(
            api_keys.c.id,
            api_keys.c.digest,
            api_keys.c.generation,
            func.coalesce(stale, True).label("is_stale"),  # SQL, not a flag
        )
        .where(
            _is_in_force(api_keys),
            api_keys.c.opened_by.is_(None) | opener_lives.exists(),
            api_keys.c.generation.is_(None) | (api_keys.c.generation == users.c.generation),
        )
    )


# Composed once: to do it for every wrong key would take longer than to look one up.
_KEYS_BY_ID = _living_keys().where(api_keys.c.id.in_(bindparam("ids", expanding=True)))
_KEY_BY_DIGEST = _living_keys().where(api_keys.c.digest == bindparam("digest"))
_SESSIONS = (
    _living(refresh_tokens)
    .add_columns(refresh_tokens.c.family)
    .where(
        refresh_tokens.c.family.in_(bindparam("ids", expanding=True)),
        refresh_tokens.c.revoked_at.is_(None),
        refresh_tokens.c.expires_at > func.now(),
        refresh_tokens.c.generation == users.c.generation,
        # The newest of the session; those before it were exchanged.
        refresh_tokens.c.used_at.is_(None),
    )
)


def _to_principal(row: Row[Any], **credential: UUID) -> Principal:
    return Principal(
        tenant_id=TenantId(row.tenant_id),
        user_id=UserId(row.user_id),
        role=Role(row.role),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        **credential,  # type: ignore[arg-type]  # one of the two ids, by its own name
    )
