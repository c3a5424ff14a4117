"""Who may see and change a collection."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from citewell.domain.accounts import Access, Share, Visibility
from citewell.domain.errors import ConflictError, DeniedError, NotFoundError
from citewell.domain.ids import CollectionId, ShareId, UserId, new_id
from citewell.domain.principal import Principal, Role
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.documents import collections
from citewell.storage.tables.sessions import collection_shares


class ShareRepository(Scope):
    """The shares of one tenant's collections; what may not be seen is kept out by the database."""

    async def visibility(self, collection_id: CollectionId) -> Visibility:
        """Raises `NotFoundError`, also for a collection that the caller may not see."""
        found = await self.connection.execute(
            select(collections.c.visibility).where(
                collections.c.tenant_id == self.tenant_id, collections.c.id == collection_id
            )
        )
        value = found.scalar_one_or_none()
        if value is None:
            raise NotFoundError(f"No collection {collection_id}.")
        return Visibility(value)

    async def set_visibility(self, collection_id: CollectionId, visibility: Visibility) -> None:
        """Raises `NotFoundError`."""
        done = await self.connection.execute(
            update(collections)
            .where(collections.c.tenant_id == self.tenant_id, collections.c.id == collection_id)
            .values(visibility=visibility.value)
        )
        if done.rowcount == 0:
            raise NotFoundError(f"No collection {collection_id}.")

    async def check_writable(self, principal: Principal, collection_id: CollectionId) -> None:
        """Pass, or raise `DeniedError` for a reader and `NotFoundError` for everybody else.

        A share never gives more than the role does: writing needs an editor.
        """
        visibility = await self.visibility(collection_id)
        if principal.role < Role.EDITOR:
            raise DeniedError("This needs the role 'editor' or higher.")
        if visibility is Visibility.TENANT or principal.role >= Role.ADMIN:
            return
        mine = (collection_shares.c.user_id == principal.user_id) | (
            collection_shares.c.role <= int(principal.role)
        )
        found = await self.connection.execute(
            select(collection_shares.c.id).where(
                collection_shares.c.collection_id == collection_id,
                collection_shares.c.access == Access.WRITE.value,
                mine,
            )
        )
        if found.first() is None:
            raise DeniedError(
                "This collection is shared with you for reading only.",
                hint="An administrator can share it for writing.",
            )

    async def grant(
        self, collection_id: CollectionId, grantee: UserId | Role, access: Access
    ) -> Share:
        """Share, or change what a share lets its grantee do.

        Raises `ConflictError` for somebody who is no member.
        """
        role = grantee if isinstance(grantee, Role) else None
        index = "user_id" if role is None else "role"
        row = insert(collection_shares).values(
            id=new_id(),
            tenant_id=self.tenant_id,
            collection_id=collection_id,
            user_id=None if role else grantee,
            role=int(role) if role else None,
            access=access.value,
        )
        try:
            await self.connection.execute(
                row.on_conflict_do_update(
                    index_elements=["collection_id", index], set_={"access": access.value}
                )
            )
        except IntegrityError as error:
            raise ConflictError(
                f"User {grantee} is no member of this tenant.", hint="Share it with a member."
            ) from error
        same = collection_shares.c[index] == (int(role) if role else grantee)
        found = await self.connection.execute(
            select(collection_shares).where(
                collection_shares.c.collection_id == collection_id, same
            )
        )
        return _to_share(found.one())

    async def withdraw(self, collection_id: CollectionId, share_id: ShareId) -> None:
        """Raises `NotFoundError`."""
        done = await self.connection.execute(
            delete(collection_shares).where(
                collection_shares.c.tenant_id == self.tenant_id,
                collection_shares.c.collection_id == collection_id,
                collection_shares.c.id == share_id,
            )
        )
        if done.rowcount == 0:
            raise NotFoundError(f"No share {share_id}.")

    async def of(self, collection_id: CollectionId) -> Sequence[Share]:
        """Every share of a collection, the oldest first."""
        rows = await self.connection.execute(
            select(collection_shares)
            .where(
                collection_shares.c.tenant_id == self.tenant_id,
                collection_shares.c.collection_id == collection_id,
            )
            .order_by(collection_shares.c.id)
        )
        return [_to_share(row) for row in rows]


def _to_share(row: Row[Any]) -> Share:
    return Share(
        id=ShareId(row.id),
        collection_id=CollectionId(row.collection_id),
        user_id=None if row.user_id is None else UserId(row.user_id),
        role=None if row.role is None else Role(row.role),
        access=Access(row.access),
        created_at=row.created_at,
    )
