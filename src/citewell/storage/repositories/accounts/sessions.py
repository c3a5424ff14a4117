"""What a signed-in person carries: refresh tokens and WebSocket tickets, by their digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Table, Update, delete, func, insert, select, text, update

from citewell.domain.accounts import OpenSession, SessionKind
from citewell.domain.ids import SessionId, UserId, new_id
from citewell.domain.principal import Principal
from citewell.domain.principal import Scope as Right
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.sessions import refresh_tokens, socket_tickets
from citewell.storage.tables.tenancy import api_keys

# The newest token of a family stands for its session; a browser's ends with the key that opened it.
_OPEN = """
    SELECT * FROM (
        SELECT t.family AS id, 'tokens' AS kind, first.made AS opened_at,
            t.created_at AS last_used_at, t.expires_at
        FROM refresh_tokens t JOIN users u ON u.id = t.user_id AND u.generation = t.generation
        CROSS JOIN LATERAL (
            SELECT min(created_at) AS made FROM refresh_tokens o
            WHERE o.family = t.family AND o.tenant_id = :tenant
        ) first
        WHERE t.tenant_id = :tenant AND t.user_id = :user AND t.revoked_at IS NULL
            AND t.used_at IS NULL AND t.expires_at > now()
        UNION ALL
        SELECT k.id, 'browser', k.created_at, k.last_used_at, k.expires_at
        FROM api_keys k JOIN users u ON u.id = k.user_id AND u.generation = k.generation
        WHERE k.tenant_id = :tenant AND k.user_id = :user AND k.revoked_at IS NULL
            AND k.expires_at > now() AND (k.opened_by IS NULL OR EXISTS (
                SELECT FROM api_keys o WHERE o.id = k.opened_by AND o.revoked_at IS NULL
                AND (o.expires_at IS NULL OR o.expires_at > now())
            ))
    ) open WHERE true
"""


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

    async def page(
        self, user_id: UserId, *, after: UUID | None = None, limit: int = 200
    ) -> Sequence[OpenSession]:
        """A member's sessions that have not ended, in order of their ids, those after `after`."""
        query = _OPEN + (" AND id > :after" if after else "") + " ORDER BY id LIMIT :limit"
        rows = await self.connection.execute(
            text(query),
            {"tenant": self.tenant_id, "user": user_id, "after": after, "limit": limit},
        )
        return [
            OpenSession(
                row.id, SessionKind(row.kind), row.opened_at, row.last_used_at, row.expires_at
            )
            for row in rows
        ]

    async def end_own(self, user_id: UserId, session_id: UUID) -> bool | None:
        """End a member's session; whether it was alive, None when they never had it."""
        tokens, browsers = _of(refresh_tokens, user_id), _of(api_keys, user_id)
        mine = (
            (refresh_tokens, tokens & (refresh_tokens.c.family == session_id)),
            (
                api_keys,
                browsers & (api_keys.c.id == session_id) & api_keys.c.generation.is_not(None),
            ),
        )
        known = alive = 0
        for table, which in mine:
            of_tenant = which & (table.c.tenant_id == self.tenant_id)
            found = await self.connection.execute(
                select(func.count(), func.count().filter(table.c.revoked_at.is_(None))).where(
                    of_tenant
                )
            )
            every, living = found.one()
            known, alive = known + every, alive + living
            await self.connection.execute(_revoked(table, of_tenant))
        return alive > 0 if known else None

    async def end_all(self, user_id: UserId) -> None:
        """End every session of a member in this tenant."""
        for table, which in (
            (refresh_tokens, _of(refresh_tokens, user_id)),
            (api_keys, _of(api_keys, user_id) & api_keys.c.generation.is_not(None)),
        ):
            await self.connection.execute(
                _revoked(table, which & (table.c.tenant_id == self.tenant_id))
            )

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


def _of(table: Table, user_id: UserId) -> ColumnElement[bool]:
    return table.c.user_id == user_id


def _revoked(table: Table, which: ColumnElement[bool]) -> Update:
    return update(table).where(which, table.c.revoked_at.is_(None)).values(revoked_at=func.now())
