"""API keys."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from citewell.accounts.administration.keys import ApiKeys
from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit, RequestKeyDep
from citewell.api.guard import OWN_DATA, GuardedRoute, allow
from citewell.api.schemas.credentials import (
    ApiKeyPage,
    ApiKeyShown,
    KeyRotation,
    NewApiKey,
    NewApiKeyShown,
)
from citewell.domain.ids import KeyId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/api-keys", tags=["accounts"])


async def _keys(app: AppDep) -> ApiKeys:
    return ApiKeys(app.accounts)


KeysDep = Annotated[ApiKeys, Depends(_keys)]


@router.get("", summary="List API keys")
@allow(OWN_DATA)
async def list_api_keys(
    caller: Caller, keys: KeysDep, cursor: Cursor = "", limit: Limit = 50
) -> ApiKeyPage:
    """Your own, or for administrators everybody's; revoked ones are left out."""
    after = cursors.decode_id(cursor) if cursor else None
    found = await keys.page(caller, after=after, limit=limit)
    more = cursors.next_cursor([one.id for one in found], limit)
    return ApiKeyPage(items=[ApiKeyShown.of(one) for one in found], next_cursor=more)


@router.post("", status_code=201, summary="Make an API key")
@allow(OWN_DATA)
async def create_api_key(
    body: NewApiKey, caller: Caller, keys: KeysDep, once: RequestKeyDep
) -> NewApiKeyShown:
    """The secret is in this reply and nowhere else."""
    return NewApiKeyShown.made(*await keys.create(caller, body.request(), once=once))


@router.post("/{key_id}/rotate", status_code=201, summary="Replace an API key")
@allow(OWN_DATA)
async def rotate_api_key(
    key_id: UUID, body: KeyRotation, caller: Caller, keys: KeysDep, once: RequestKeyDep
) -> NewApiKeyShown:
    """The old one works for some hours more, so that nobody is left without."""
    overlap = timedelta(hours=body.overlap_hours)
    return NewApiKeyShown.made(*await keys.rotate(caller, KeyId(key_id), overlap, once=once))


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
@allow(OWN_DATA)
async def revoke_api_key(key_id: UUID, caller: Caller, keys: KeysDep) -> Response:
    """Refused everywhere within five seconds."""
    await keys.revoke(caller, KeyId(key_id))
    return Response(status_code=204)
