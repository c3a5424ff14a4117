"""Signing in with a password, staying signed in, signing out; tickets for WebSockets."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from citewell.accounts.sign_in import Attempt, SignIn, scopes_in
from citewell.api.deps import AppDep, Caller, ServerDep
from citewell.api.guard import CAN_ASK, PUBLIC, SIGNED_IN, GuardedRoute, allow
from citewell.api.schemas.credentials import (
    PasswordForm,
    RefreshRequest,
    TicketShown,
    TokensShown,
)

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/auth", tags=["accounts"])

REUSED: dict[int | str, dict[str, Any]] = {409: {}}


async def _door(app: AppDep) -> SignIn:
    return SignIn(app.accounts)


DoorDep = Annotated[SignIn, Depends(_door)]


@router.post("/token", summary="Sign in with a password")
@allow(PUBLIC)
async def sign_in_with_password(
    form: Annotated[PasswordForm, Form()], request: Request, server: ServerDep, door: DoorDep
) -> TokensShown:
    """At most ten attempts a minute at an account, whether there is one or not."""
    sender, scopes = server.sender(request), scopes_in(form.scope)
    pair = await door.with_password(
        Attempt(form.username, form.password, sender, form.tenant, scopes)
    )
    return TokensShown.of(pair)


@router.post("/refresh", summary="Get the next pair of tokens", responses=REUSED)
@allow(PUBLIC)
async def refresh_tokens(body: RefreshRequest, door: DoorDep) -> TokensShown:
    """A refresh token works once; using it a second time ends the session."""
    return TokensShown.of(await door.refresh(body.refresh_token))


@router.post("/logout", status_code=204, summary="Sign out")
@allow(SIGNED_IN)
async def logout(
    caller: Caller,
    door: DoorDep,
    *,
    everywhere: Annotated[bool, Query(description="Also of every other session.")] = False,
) -> Response:
    """Of the session whose access token is sent; its sockets close within five seconds."""
    await (door.end_all(caller) if everywhere else door.end(caller))
    return Response(status_code=204)


@router.post("/socket-ticket", summary="Get a ticket for a WebSocket")
@allow(CAN_ASK)
async def make_socket_ticket(caller: Caller, door: DoorDep) -> TicketShown:
    """For browsers, which can send no header with a WebSocket's handshake."""
    return TicketShown(ticket=await door.ticket(caller))
