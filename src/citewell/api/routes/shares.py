"""Shares of a collection: who may see it, and change it, while it is restricted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from citewell.api.deps import AppDep, Caller
from citewell.api.guard import ADMINISTERS, GuardedRoute, allow
from citewell.api.routes.collections import NameOrId
from citewell.api.schemas.shares import NewShare, ShareList, ShareShown
from citewell.documents.sharing import Sharing
from citewell.domain.ids import CollectionId, ShareId

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/api/v1/collections/{collection_id}/shares",
    tags=["collections"],
)


async def _sharing(app: AppDep) -> Sharing:
    return Sharing(app.database)


async def _collection(collection_id: NameOrId, caller: Caller, app: AppDep) -> CollectionId:
    return (await app.documents.collection(caller, collection_id)).id


SharingDep = Annotated[Sharing, Depends(_sharing)]
CollectionDep = Annotated[CollectionId, Depends(_collection)]


@router.get("", summary="List whom a collection is shared with")
@allow(ADMINISTERS)
async def list_shares(collection: CollectionDep, caller: Caller, sharing: SharingDep) -> ShareList:
    """They count while the collection is restricted; administrators see every collection."""
    found = await sharing.of(caller, collection)
    return ShareList(items=[ShareShown.of(one) for one in found])


@router.put("", summary="Share a collection, or change a share")
@allow(ADMINISTERS)
async def share_collection(
    collection: CollectionDep, body: NewShare, caller: Caller, sharing: SharingDep
) -> ShareShown:
    """Reading never implies writing; writing needs the role of an editor as well."""
    return ShareShown.of(await sharing.grant(caller, collection, body.grantee(), body.access))


@router.delete("/{share_id}", status_code=204, summary="End a share")
@allow(ADMINISTERS)
async def end_share(
    collection: CollectionDep, share_id: UUID, caller: Caller, sharing: SharingDep
) -> Response:
    """Who had it finds nothing of the collection any more, if it is restricted."""
    await sharing.withdraw(caller, collection, ShareId(share_id))
    return Response(status_code=204)
