"""Collections."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, CollectionsDep, Cursor, Limit, RequestKeyDep
from citewell.api.guard import CAN_READ, CAN_WRITE, GuardedRoute, allow
from citewell.api.preconditions import CONDITIONAL, TAGGED, PreconditionDep, tagged
from citewell.api.schemas.documents import (
    CollectionChange,
    CollectionPage,
    CollectionReceipt,
    CollectionShown,
    NewCollection,
)
from citewell.api.schemas.fields import Name

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/collections", tags=["collections"])

NameOrId = Annotated[Name, Path(description="The id or the name of a collection.")]


@router.get("", summary="List collections")
@allow(CAN_READ)
async def list_collections(
    caller: Caller, app: AppDep, cursor: Cursor = "", limit: Limit = 50
) -> CollectionPage:
    """In order of name."""
    after = cursors.decode_text(cursor)
    found = await app.documents.collections(caller, after=after, limit=limit)
    items = [CollectionShown.model_validate(one) for one in found]
    more = cursors.next_cursor([one.name for one in found], limit)
    return CollectionPage(items=items, next_cursor=more)


@router.post("", status_code=201, summary="Make a collection")
@allow(CAN_WRITE)
async def create_collection(
    body: NewCollection, caller: Caller, collections: CollectionsDep, once: RequestKeyDep
) -> CollectionShown:
    """The name must be free."""
    made = await collections.create(caller, body.name, body.description, once=once)
    return CollectionShown.model_validate(made)


@router.get("/{collection_id}", summary="Show a collection", responses=TAGGED)
@allow(CAN_READ)
async def get_collection(
    collection_id: NameOrId, caller: Caller, app: AppDep, response: Response
) -> CollectionShown:
    """By id or by name."""
    found = await app.documents.collection(caller, collection_id)
    return tagged(response, found, CollectionShown.model_validate(found))


@router.patch("/{collection_id}", summary="Rename or describe a collection", responses=CONDITIONAL)
@allow(CAN_WRITE)
async def change_collection(
    collection_id: NameOrId,
    body: CollectionChange,
    caller: Caller,
    app: AppDep,
    collections: CollectionsDep,
    *,
    only_if: PreconditionDep,
) -> CollectionShown:
    """What is left out stays."""
    found = await app.documents.collection(caller, collection_id)
    given = body.model_dump(exclude_unset=True)
    changed = await collections.change(caller, found.id, **given, seen=only_if.seen)
    return tagged(only_if.response, changed, CollectionShown.model_validate(changed))


@router.delete("/{collection_id}", summary="Delete a collection with everything in it")
@allow(CAN_WRITE)
async def delete_collection(
    collection_id: NameOrId, caller: Caller, app: AppDep, collections: CollectionsDep
) -> CollectionReceipt:
    """Its documents are in no search when this returns."""
    found = await app.documents.collection(caller, collection_id)
    removed = await collections.delete(caller, found.id)
    return CollectionReceipt(id=found.id, removed=removed, searchable=False)
