"""What was done."""

from fastapi import APIRouter

from citewell.accounts.administration.trail import Trail
from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit
from citewell.api.guard import ADMINISTERS, GuardedRoute, allow
from citewell.api.schemas.accounts import AuditPage, AuditShown

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/audit", tags=["accounts"])


@router.get("", summary="List what was done")
@allow(ADMINISTERS)
async def list_audit(
    caller: Caller, app: AppDep, cursor: Cursor = "", limit: Limit = 50
) -> AuditPage:
    """The newest first. Each hash covers the record and the hash before it."""
    before = cursors.decode_number(cursor) if cursor else None
    found = await Trail(app.database).page(caller, before=before, limit=limit)
    items = [AuditShown.model_validate(one) for one in found]
    more = cursors.next_cursor([one.number for one in found], limit)
    return AuditPage(items=items, next_cursor=more)
