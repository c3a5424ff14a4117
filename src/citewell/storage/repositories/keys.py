"""Users and their API keys; only digests of keys are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.accounts import ApiKey
from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import KeyId, UserId, new_id
from citewell.domain.principal import Role
from citewell.domain.principal import Scope as Right
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import api_keys, memberships, users


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to store; one with a `generation` is a browser's session and ends with it.

    A session also ends with the key that it is `opened_by`.
    """

    id: KeyId
    user_id: UserId
    name: str
    digest: bytes
    scopes: frozenset[Right]
    lifetime: timedelta | None = None
    generation: int | None = None
    opened_by: KeyId | None = None


class KeyRepository(Scope):
    """The users and keys of one tenant."""

    async def ensure_user(self, name: str, role: Role) -> UserId:
        """The user of this name, made with this role when new."""
        await self.connection.execute(
            insert(users)
            .values(id=new_id(), tenant_id=self.tenant_id, name=name)
            .on_conflict_do_nothing()
        )
        found = await self.connection.execute(
            select(users.c.id).where(users.c.tenant_id == self.tenant_id, users.c.name == name)
        )
        user_id = UserId(found.scalar_one())
        await self.connection.execute(
            insert(memberships)
            .values(id=new_id(), tenant_id=self.tenant_id, user_id=user_id, role=int(role))
            .on_conflict_do_nothing()
        )
        return user_id

    async def ensure_key(
        self, user_id: UserId, name: str, digest: bytes, scopes: Iterable[Right]
    ) -> tuple[KeyId, bool]:
        """The key with this digest, and whether it was made now."""
        made = await self.connection.execute(
            insert(api_keys)
            .values(
                id=new_id(),
                tenant_id=self.tenant_id,
                user_id=user_id,
                name=name,
                digest=digest,
                scopes=sorted(scope.value for scope in scopes),
            )
            .on_conflict_do_nothing()
            .returning(api_keys.c.id)
        )
        found = await self.connection.execute(
            select(api_keys.c.id).where(
                api_keys.c.tenant_id == self.tenant_id, api_keys.c.digest == digest
            )
        )
        return KeyId(found.scalar_one()), made.one_or_none() is not None

    async def add(self, key: NewKey) -> ApiKey:
        """Store a key, or the session of a browser when it has a generation."""
        # A session that another session opens hangs on the same key as that one.
        opener = api_keys.alias()
        first = func.coalesce(opener.c.opened_by, opener.c.id)
        opened_by = select(first).where(opener.c.id == key.opened_by).scalar_subquery()
        await self.connection.execute(
            insert(api_keys).values(
                id=key.id,
                tenant_id=self.tenant_id,
                user_id=key.user_id,
                name=key.name,
                digest=key.digest,
                scopes=sorted(scope.value for scope in key.scopes),
                generation=key.generation,
                opened_by=opened_by,
                expires_at=None if key.lifetime is None else func.now() + key.lifetime,
            )
        )
        return await self._get(api_keys.c.id == key.id)

    async def get(self, key_id: KeyId) -> ApiKey:
        """A key, which is not a browser's session; raises `NotFoundError`."""
        return await self._get((api_keys.c.id == key_id) & api_keys.c.generation.is_(None))

    async def page(
        self, *, user_id: UserId | None = None, after: KeyId | None = None, limit: int = 200
    ) -> Sequence[ApiKey]:
        """Keys that are not revoked, of everybody or of one member, in order of age."""
        conditions: list[ColumnElement[bool]] = [
            api_keys.c.generation.is_(None),
            api_keys.c.revoked_at.is_(None),
        ]
        if user_id is not None:
            conditions.append(api_keys.c.user_id == user_id)
        if after is not None:
            conditions.append(api_keys.c.id > after)
        return await self._select(*conditions, limit=limit)

    async def replace(self, key_id: KeyId, by: KeyId, overlap: timedelta) -> None:
        """Let the old key work for `overlap` more; raises `ConflictError` for a dead one."""
        until = func.now() + overlap
        done = await self.connection.execute(
            update(api_keys)
            .where(self._alive(key_id), api_keys.c.replaced_by.is_(None))
            .values(replaced_by=by, expires_at=func.least(api_keys.c.expires_at, until))
        )
        if done.rowcount == 0:
            raise ConflictError(
                f"Key {key_id} is revoked, expired or replaced already.",
                hint="`GET /api/v1/api-keys` lists those that work.",
            )

    async def revoke(self, key_id: KeyId, *, sessions: bool = False) -> bool:
        """End a key, or a browser's session; returns whether it was alive."""
        is_session = api_keys.c.generation.is_not(None)
        done = await self.connection.execute(
            update(api_keys)
            .where(
                api_keys.c.tenant_id == self.tenant_id,
                api_keys.c.id == key_id,
                is_session if sessions else ~is_session,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )
        return bool(done.rowcount)

    async def revoke_all(self, user_id: UserId) -> int:
        """End every key and browser session of a member; how many of them were alive."""
        ended = await self.connection.execute(
            update(api_keys)
            .where(
                api_keys.c.tenant_id == self.tenant_id,
                api_keys.c.user_id == user_id,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )
        return int(ended.rowcount)

    async def revoke_others(self, user_id: UserId, name: str, keep: KeyId) -> Sequence[KeyId]:
        """End the user's other keys of this name; returns those that were alive."""
        ended = await self.connection.execute(
            update(api_keys)
            .where(
                api_keys.c.tenant_id == self.tenant_id,
                api_keys.c.user_id == user_id,
                api_keys.c.name == name,
                api_keys.c.id != keep,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
            .returning(api_keys.c.id)
        )
        return [KeyId(one) for one in ended.scalars()]

    async def _get(self, condition: ColumnElement[bool]) -> ApiKey:
        found = await self._select(condition)
        if not found:
            raise NotFoundError("There is no such API key.")
        return found[0]

    async def _select(self, *conditions: ColumnElement[bool], limit: int = 1) -> list[ApiKey]:
        rows = await self.connection.execute(
            select(api_keys)
            .where(api_keys.c.tenant_id == self.tenant_id, *conditions)
            .order_by(api_keys.c.id)
            .limit(limit)
        )
        return [_to_key(row) for row in rows]

    def _alive(self, key_id: KeyId) -> ColumnElement[bool]:
        return (
            (api_keys.c.tenant_id == self.tenant_id)
            & (api_keys.c.id == key_id)
            & api_keys.c.revoked_at.is_(None)
            & (api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > func.now()))
        )


def _to_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=KeyId(row.id),
        user_id=UserId(row.user_id),
        name=row.name,
        scopes=frozenset(Right(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        replaced_by=None if row.replaced_by is None else KeyId(row.replaced_by),
    )
