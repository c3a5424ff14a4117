"""Users and their API keys; only digests of keys are stored."""

from collections.abc import Iterable

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.ids import KeyId, UserId, new_id
from citewell.domain.principal import Role
from citewell.domain.principal import Scope as Right
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.tenancy import api_keys, memberships, users


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
    ) -> KeyId:
        """The key with this digest, made when new."""
        await self.connection.execute(
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
        )
        found = await self.connection.execute(
            select(api_keys.c.id).where(
                api_keys.c.tenant_id == self.tenant_id, api_keys.c.digest == digest
            )
        )
        return KeyId(found.scalar_one())

    async def revoke(self, key_id: KeyId, name: str) -> bool:
        """End the key if it has this name; returns whether it was alive."""
        done = await self.connection.execute(
            update(api_keys)
            .where(
                api_keys.c.tenant_id == self.tenant_id,
                api_keys.c.id == key_id,
                api_keys.c.name == name,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )
        return bool(done.rowcount)

    async def revoke_others(self, user_id: UserId, name: str, keep: KeyId) -> None:
        """End the user's other keys of this name."""
        await self.connection.execute(
            update(api_keys)
            .where(
                api_keys.c.tenant_id == self.tenant_id,
                api_keys.c.user_id == user_id,
                api_keys.c.name == name,
                api_keys.c.id != keep,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
        )
