"""The HTTP application: listens at once, serves when everything is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from citewell.api import errors, openapi, sockets
from citewell.api.guard import GuardedRoute, policy_of
from citewell.api.middleware import Envelope
from citewell.api.routes import (
    collections,
    conversations,
    documents,
    health,
    info,
    jobs,
    memories,
    pages,
    privacy,
    query,
    runs,
    search,
    shares,
    usage,
)
from citewell.api.routes.accounts import (
    api_keys,
    audit,
    auth,
    mcp_servers,
    sessions,
    single_sign_on,
    tenants,
    users,
)
from citewell.api.server import Server
from citewell.bootstrap import App
from citewell.config import Settings
from citewell.domain.errors import AppError, StartError
from citewell.telemetry.logs import logger

Opener = Callable[[], AbstractAsyncContextManager[App]]
ROUTERS = tuple(
    room.router
    for room in (
        query,
        info,
        auth,
        single_sign_on,
        users,
        sessions,
        api_keys,
        tenants,
        audit,
        mcp_servers,
        collections,
        shares,
        documents,
        jobs,
        search,
        conversations,
        memories,
        runs,
        usage,
        privacy,
        health,
        pages,
    )
)

log = logger(__name__)


def create_app(settings: Settings, source: App | Opener) -> FastAPI:
    """The ASGI application over an open `App`, or over one that `source` opens and closes.

    With an opener it answers `/livez` and `/readyz` from the start, everything else when the app is
    open. Raises `StartError` for a route without a policy.
    """
    opener = (lambda: nullcontext(source)) if isinstance(source, App) else source
    server = Server(settings)
    api = FastAPI(
        openapi_url=None,
        lifespan=_lifespan(server, opener),
        middleware=[Middleware(Envelope, server=server)],
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            AppError: errors.answer_app_error,
            RequestValidationError: errors.answer_validation,
            HTTPException: errors.answer_http,
        },
        redirect_slashes=False,
    )
    api.state.server = server
    for router in ROUTERS:
        api.include_router(router)
    policy_of(sockets.serve)
    api.router.routes.append(WebSocketRoute("/ws", sockets.serve))
    api.state.routes = guarded_routes()
    api.state.openapi = openapi.document(api.routes, api.state.routes)
    return api


def guarded_routes() -> list[GuardedRoute]:
    """Every HTTP route; raises `StartError` for one that went past the guard."""
    found = [route for router in ROUTERS for route in router.routes]
    for route in found:
        if not isinstance(route, GuardedRoute):
            name = route.path if isinstance(route, APIRoute) else repr(route)
            raise StartError(f"The route {name} is not guarded.", hint="Use GuardedRoute.")
    return [route for route in found if isinstance(route, GuardedRoute)]


def _lifespan(
    server: Server, opener: Opener
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            opening = group.create_task(_keep_open(server, opener, stop))
            try:
                yield
            finally:
                stop.set()
                if server.app is None:
                    opening.cancel()

    return lifespan


async def _keep_open(server: Server, opener: Opener, stop: asyncio.Event) -> None:
    try:
        async with opener() as app:
            server.app = app
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(server.vigil.run(app.accounts))
                await stop.wait()
                watching.cancel()
            server.app, server.waiting_for = None, "The server is stopping."
    except StartError as error:
        server.waiting_for = error.message
        log.error("server.cannot_start", why=error.message, hint=error.hint)  # noqa: TRY400
    finally:
        server.app = None
