"""The page, and how a browser signs in and out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from citewell.api.authentication import SESSION_COOKIE, authenticate
from citewell.api.deps import AppDep, Caller
from citewell.api.guard import PUBLIC, SIGNED_IN, GuardedRoute, allow
from citewell.api.schemas.operations import SignIn
from citewell.api.ui import keep_session, page_response
from citewell.domain.errors import UnauthenticatedError

router = APIRouter(route_class=GuardedRoute, tags=["browser"])


@router.get("/", include_in_schema=False)
@allow(PUBLIC)
async def page() -> Response:
    """The page; it asks for a sign-in itself."""
    return page_response("index.html")


@router.get("/ui/{name:path}", include_in_schema=False)
@allow(PUBLIC)
async def page_file(name: str) -> Response:
    """A file of the page."""
    return page_response(name)


@router.get(
    "/signin",
    status_code=303,
    response_class=RedirectResponse,
    summary="Open a browser session with the link of the terminal",
)
@allow(PUBLIC)
async def sign_in_by_code(
    request: Request, app: AppDep, code: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    """The link that the terminal prints; one that was used still leads a known browser home."""
    home = RedirectResponse("/", status_code=303)
    try:
        key = await app.accounts.redeem(code)
    except UnauthenticatedError:
        if SESSION_COOKIE not in request.cookies:
            raise
        await authenticate(app, request)
        return home
    return keep_session(home, key, secure=request.url.scheme == "https")


@router.post("/signin", status_code=204, summary="Open a browser session with a key")
@allow(PUBLIC)
async def sign_in(body: SignIn, request: Request, app: AppDep) -> Response:
    """The session's cookie is HttpOnly and never leaves this site."""
    principal = await app.accounts.authenticate(body.key)
    key = await app.accounts.open_session(principal)
    secure = request.url.scheme == "https"
    return keep_session(Response(status_code=204), key, secure=secure)


@router.post("/signout", status_code=204, summary="Close the browser session")
@allow(SIGNED_IN)
async def sign_out(request: Request, _: Caller, app: AppDep) -> Response:
    """The session's key stops working."""
    await app.accounts.close_session(request.cookies.get(SESSION_COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response
