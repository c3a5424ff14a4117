"""Signing in through a provider of OpenID Connect, and who may."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from citewell.accounts.administration.identities import Identities
from citewell.accounts.oidc.sign_on import Return, SingleSignOn
from citewell.api.deps import AppDep, Caller, ServerDep
from citewell.api.guard import ADMINISTERS, COMES_BACK, PUBLIC, GuardedRoute, allow
from citewell.api.schemas.credentials import IdentityShown, ProviderShown, ProvidersShown
from citewell.api.single_sign_on import ATTEMPT_COOKIE, PATH, keep_attempt, newcomers_of
from citewell.api.ui import keep_session
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import UserId

router = APIRouter(route_class=GuardedRoute, tags=["accounts"])

ABROAD: dict[int | str, dict[str, Any]] = {404: {}, 409: {}, 502: {}}
Told = Annotated[str, Query(max_length=4096)]
OF_A_PERSON = "/api/v1/users/{user_id}/single-sign-on"


async def _door(app: AppDep, server: ServerDep) -> SingleSignOn:
    if server.provider is None:
        raise NotFoundError(
            "No provider of sign-ins is configured.", hint="Sign in with a password or a key."
        )
    return SingleSignOn(app.accounts, server.provider, newcomers_of(server.settings.oidc))


async def _identities(app: AppDep, server: ServerDep) -> Identities:
    issuer = server.provider.registration.issuer if server.provider else ""
    return Identities(app.accounts, issuer)


async def _back(
    request: Request,
    server: ServerDep,
    *,
    state: Told = "",
    code: Told = "",
    error: Told = "",
    iss: Told = "",
) -> Return:
    sealed = request.cookies.get(ATTEMPT_COOKIE, "")
    return Return(server.sender(request), sealed, state, code, error, iss)


DoorDep = Annotated[SingleSignOn, Depends(_door)]
IdentitiesDep = Annotated[Identities, Depends(_identities)]
BackDep = Annotated[Return, Depends(_back)]


@router.get("/api/v1/auth/providers", summary="List the providers of sign-ins")
@allow(PUBLIC)
async def list_providers(server: ServerDep) -> ProvidersShown:
    """For the page that asks somebody to sign in."""
    provider = server.provider
    if provider is None:
        return ProvidersShown(items=[])
    shown = ProviderShown(name=provider.registration.shown_name, start=f"{PATH}/start")
    return ProvidersShown(items=[shown])


@router.get(
    f"{PATH}/start",
    status_code=303,
    response_class=RedirectResponse,
    summary="Begin to sign in through the provider",
    responses=ABROAD,
)
@allow(PUBLIC)
async def start_single_sign_on(request: Request, server: ServerDep, door: DoorDep) -> Response:
    """Sends the browser there; it has ten minutes to come back."""
    begun = await door.begin(server.sender(request))
    secure = door.provider.registration.is_secure
    return keep_attempt(RedirectResponse(begun.address, 303), begun.sealed, secure=secure)


@router.get(
    f"{PATH}/callback",
    status_code=303,
    response_class=RedirectResponse,
    summary="Come back from the provider",
    responses=ABROAD,
)
@allow(COMES_BACK)
async def finish_single_sign_on(back: BackDep, door: DoorDep) -> Response:
    """Opens a browser session and leads to the page, nowhere else."""
    key = await door.finish(back)
    home = RedirectResponse("/", status_code=303)
    home.delete_cookie(ATTEMPT_COOKIE, path=PATH)
    return keep_session(home, key, secure=door.provider.registration.is_secure)


@router.get(OF_A_PERSON, summary="Show whether somebody may come through the provider")
@allow(ADMINISTERS)
async def get_identity(user_id: UUID, caller: Caller, identities: IdentitiesDep) -> IdentityShown:
    """And what the provider calls them, once they have."""
    return IdentityShown.of(await identities.get(caller, UserId(user_id)))


@router.put(OF_A_PERSON, summary="Let somebody come through the provider")
@allow(ADMINISTERS)
async def open_identity(user_id: UUID, caller: Caller, identities: IdentitiesDep) -> IdentityShown:
    """By the address of their account, which the provider must have verified."""
    return IdentityShown.of(await identities.open(caller, UserId(user_id)))


@router.delete(OF_A_PERSON, status_code=204, summary="Keep somebody from the provider's way in")
@allow(ADMINISTERS)
async def shut_identity(user_id: UUID, caller: Caller, identities: IdentitiesDep) -> Response:
    """Ends all of their sessions; a password and API keys go on."""
    await identities.shut(caller, UserId(user_id))
    return Response(status_code=204)
