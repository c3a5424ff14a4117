"""Sessions: your own, and the end of somebody else's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from citewell.accounts.administration.sessions import Sessions
from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit
from citewell.api.guard import ADMINISTERS, OWN_DATA, GuardedRoute, allow
from citewell.api.schemas.credentials import SessionPage, SessionShown
from citewell.domain.ids import UserId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1", tags=["accounts"])


async def _sessions(app: AppDep) -> Sessions:
    return Sessions(app.accounts)


SessionsDep = Annotated[Sessions, Depends(_sessions)]


@router.get("/me/sessions", summary="List your sessions")
@allow(OWN_DATA)
async def list_sessions(
    caller: Caller, sessions: SessionsDep, cursor: Cursor = "", limit: Limit = 50
) -> SessionPage:
    """Those that are open in this tenant; a key is none."""
    after = cursors.decode_id(cursor) if cursor else None
    found = await sessions.page(caller, after=after, limit=limit)
    items = [SessionShown.of(one, caller) for one in found]
    more = cursors.next_cursor([one.id for one in found], limit)
    return SessionPage(items=items, next_cursor=more)


@router.delete("/me/sessions/{session_id}", status_code=204, summary="End one of your sessions")
@allow(OWN_DATA)
async def end_session(session_id: UUID, caller: Caller, sessions: SessionsDep) -> Response:
    """Everywhere within five seconds, open sockets included."""
    await sessions.end(caller, session_id)
    return Response(status_code=204)


@router.delete("/users/{user_id}/sessions", status_code=204, summary="Sign somebody out")
@allow(ADMINISTERS)
async def end_sessions(
    user_id: UUID,
    caller: Caller,
    sessions: SessionsDep,
    *,
    keys: Annotated[bool, Query(description="End their API keys as well.")] = False,
) -> Response:
    """Everywhere within five seconds, open sockets included; of a guest, out of this tenant."""
    await sessions.end_all(caller, UserId(user_id), keys=keys)
    return Response(status_code=204)
