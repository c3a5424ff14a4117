"""What a signed-in person carries: refresh tokens and WebSocket tickets, by their digests."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from citewell.domain.ids import SessionId, UserId, new_id
from citewell.domain.principal import Principal
from citewell.domain.principal import Scope as Right
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.sessions import refresh_tokens, socket_tickets


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored; `used_for` is how long ago it was exchanged."""

    id: UUID
    user_id: UserId
    session_id: SessionId
    generation: int
    scopes: frozenset[Right]
    used_for: timedelta | None
    is_live: bool


@dataclass(frozen=True, slots=True)
class NewRefreshToken:
    """The next token of a session."""

    user_id: UserId
    session_id: SessionId
    digest: bytes
    generation: int
    scopes: frozenset[Right]
    lifetime: timedelta


class SessionRepository(Scope):
    """The sessions and tickets of one tenant."""

    async def add(self, token: NewRefreshToken) -> None:
        """Store a token; those of its session that have expired are forgotten."""
        await self.connection.execute(
            delete(refresh_tokens).where(
                refresh_tokens.c.tenant_id == self.tenant_id,
                refresh_tokens.c.user_id == token.user_id,
                refresh_tokens.c.expires_at < func.now(),
            )
        )
        await self.connection.execute(
            insert(refresh_tokens).values(
                id=new_id(),
                tenant_id=self.tenant_id,
                user_id=token.user_id,
                family=token.session_id,
                digest=token.digest,
                generation=token.generation,
                scopes=sorted(scope.value for scope in token.scopes),
                expires_at=func.now() + token.lifetime,
            )
        )

    async def hold(self, digest: bytes) -> RefreshToken | None:
        """The token, which nobody else can use before this transaction ends."""
        found = await self.connection.execute(
            select(
                refresh_tokens,
                (func.clock_timestamp() - refresh_tokens.c.used_at).label("used_for"),
                (
                    refresh_tokens.c.revoked_at.is_(None)
                    & (refresh_tokens.c.expires_at > func.now())
                ).label("is_live"),
            )
            .where(refresh_tokens.c.tenant_id == self.tenant_id, refresh_tokens.c.digest == digest)
            .with_for_update()
        )
        row = found.one_or_none()
        if row is None:
            return None
        return RefreshToken(
            id=row.id,
            user_id=UserId(row.user_id),
            session_id=SessionId(row.family),
            generation=row.generation,
            scopes=frozenset(Right(scope) for scope in row.scopes),
            used_for=row.used_for,
            is_live=row.is_live,
        )

    async def use(self, token: RefreshToken) -> None:
        """Mark a held token as exchanged."""
        await self.connection.execute(
            update(refresh_tokens)
            .where(refresh_tokens.c.tenant_id == self.tenant_id, refresh_tokens.c.id == token.id)
            .values(used_at=func.clock_timestamp())
        )

    async def end(self, session_id: SessionId) -> bool:
        """Revoke every token of a session; returns whether one was alive."""
        done = await self.connection.execute(
            update(refresh_tokens)
            .where(
                refresh_tokens.c.tenant_id == self.tenant_id,
                refresh_tokens.c.family == session_id,
                refresh_tokens.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )
        return bool(done.rowcount)

    async def add_ticket(self, principal: Principal, digest: bytes, lifetime: timedelta) -> None:
        """Store a ticket for the principal; those that nobody used in time are forgotten."""
        await self.connection.execute(
            delete(socket_tickets).where(
                socket_tickets.c.tenant_id == self.tenant_id,
                socket_tickets.c.user_id == principal.user_id,
                socket_tickets.c.expires_at < func.now(),
            )
        )
        await self.connection.execute(
            insert(socket_tickets).values(
                digest=digest,
                tenant_id=self.tenant_id,
                user_id=principal.user_id,
                key_id=principal.key_id,
                family=principal.session_id,
                expires_at=func.now() + lifetime,
            )
        )
