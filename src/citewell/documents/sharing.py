"""Who may see and change a restricted collection."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.accounts import Access, Share
from citewell.domain.ids import CollectionId, ShareId, UserId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class Sharing:
    """For administrators; others get a `DeniedError`. A foreign id is a `NotFoundError`.

    A share counts once the collection is restricted, and never gives more than its holder's role.
    """

    database: Database

    async def of(self, principal: Principal, collection_id: CollectionId) -> Sequence[Share]:
        """Every share, the oldest first."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            await tx.shares.visibility(collection_id)
            return await tx.shares.of(collection_id)

    async def grant(
        self,
        principal: Principal,
        collection_id: CollectionId,
        grantee: UserId | Role,
        access: Access,
    ) -> Share:
        """Share with a member or with everybody of a role, or change what a share allows.

        Raises `ConflictError` for somebody who is no member.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            await tx.shares.visibility(collection_id)
            share = await tx.shares.grant(collection_id, grantee, access)
            whom = grantee.name.lower() if isinstance(grantee, Role) else str(grantee)
            await tx.audit.record(
                principal.user_id,
                "collection.share",
                str(collection_id),
                details={"with": whom, "access": access.value},
            )
        return share

    async def withdraw(
        self, principal: Principal, collection_id: CollectionId, share_id: ShareId
    ) -> None:
        """End a share."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            await tx.shares.withdraw(collection_id, share_id)
            details = {"share": str(share_id)}
            target = str(collection_id)
            await tx.audit.record(principal.user_id, "collection.unshare", target, details=details)
