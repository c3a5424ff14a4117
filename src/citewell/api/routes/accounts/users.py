"""The caller, and the people of the tenant."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from citewell.accounts.administration.people import People
from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit, RequestKeyDep
from citewell.api.guard import ADMINISTERS, OWN_DATA, SIGNED_IN, GuardedRoute, allow
from citewell.api.schemas.accounts import (
    Me,
    NewPassword,
    NewUser,
    PasswordChange,
    UserChange,
    UserPage,
    UserShown,
)
from citewell.api.schemas.privacy import ErasureShown
from citewell.domain.ids import UserId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1", tags=["accounts"])


async def _people(app: AppDep) -> People:
    return People(app.accounts)


PeopleDep = Annotated[People, Depends(_people)]


@router.get("/me", summary="Show who you are")
@allow(SIGNED_IN)
async def get_me(caller: Caller, people: PeopleDep) -> Me:
    """And in which tenant, and where else you may go."""
    return Me.of(caller, await people.introduce(caller))


@router.put("/me/password", status_code=204, summary="Change your password")
@allow(OWN_DATA)
async def change_password(body: PasswordChange, caller: Caller, people: PeopleDep) -> Response:
    """Ends all of your sessions, this one too; API keys go on."""
    await people.change_password(caller, body.current, body.password)
    return Response(status_code=204)


@router.get("/users", summary="List people")
@allow(ADMINISTERS)
async def list_users(
    caller: Caller, people: PeopleDep, cursor: Cursor = "", limit: Limit = 50
) -> UserPage:
    """In the order in which the accounts were made."""
    after = cursors.decode_id(cursor) if cursor else None
    found = await people.page(caller, after=after, limit=limit)
    items = [UserShown.of(one, caller.tenant_id) for one in found]
    more = cursors.next_cursor([one.id for one in found], limit)
    return UserPage(items=items, next_cursor=more)


@router.post("/users", status_code=201, summary="Add somebody")
@allow(ADMINISTERS)
async def create_user(
    body: NewUser, caller: Caller, people: PeopleDep, once: RequestKeyDep
) -> UserShown:
    """Nobody can give a role that is higher than their own."""
    made = await people.add(caller, body.person(), once=once)
    return UserShown.of(made, caller.tenant_id)


@router.get("/users/{user_id}", summary="Show somebody")
@allow(ADMINISTERS)
async def get_user(user_id: UUID, caller: Caller, people: PeopleDep) -> UserShown:
    """A member of the tenant."""
    found = await people.get(caller, UserId(user_id))
    return UserShown.of(found, caller.tenant_id)


@router.patch("/users/{user_id}", summary="Change a role; shut out or let in")
@allow(ADMINISTERS)
async def change_user(
    user_id: UUID, body: UserChange, caller: Caller, people: PeopleDep
) -> UserShown:
    """Counts for every credential within five seconds. What is left out stays."""
    changed = await people.change(caller, UserId(user_id), **body.given())
    return UserShown.of(changed, caller.tenant_id)


@router.put("/users/{user_id}/password", status_code=204, summary="Set somebody's password")
@allow(ADMINISTERS)
async def set_password(
    user_id: UUID, body: NewPassword, caller: Caller, people: PeopleDep
) -> Response:
    """Ends all of their sessions."""
    await people.set_password(caller, UserId(user_id), body.password)
    return Response(status_code=204)


@router.delete("/users/{user_id}", status_code=202, summary="Remove somebody")
@allow(ADMINISTERS)
async def remove_user(user_id: UUID, caller: Caller, people: PeopleDep) -> ErasureShown:
    """Shut out at once; what is stored about them is erased by a job, with this receipt."""
    return ErasureShown.model_validate(await people.remove(caller, UserId(user_id)))
