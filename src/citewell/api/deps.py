"""What routes ask for: the caller, the services, common parameters."""

from typing import Annotated, cast

from fastapi import Depends, Header, Query
from starlette.requests import Request

from citewell.api.server import Server, server_of
from citewell.bootstrap import App
from citewell.documents.chunks import Chunks
from citewell.documents.collections import Collections
from citewell.documents.queue import JobQueue
from citewell.domain.principal import Principal
from citewell.storage.repetition import RequestKey

MAX_PAGE = 200


async def _server(request: Request) -> Server:
    return server_of(request)


async def _app(request: Request) -> App:
    return server_of(request).opened()


async def _caller(request: Request) -> Principal:
    return cast("Principal", request.state.principal)  # Set by the route's guard.


ServerDep = Annotated[Server, Depends(_server)]
AppDep = Annotated[App, Depends(_app)]
Caller = Annotated[Principal, Depends(_caller)]


async def _collections(app: AppDep) -> Collections:
    return Collections(app.database, app.embedder.model)


async def _jobs(app: AppDep) -> JobQueue:
    return JobQueue(app.database)


async def _chunks(app: AppDep) -> Chunks:
    return Chunks(app.database)


async def _request_key(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="Repeating the request under the same key within 24 hours has no effect"
            " but the same reply.",
        ),
    ] = None,
) -> RequestKey | None:
    if idempotency_key is None:
        return None
    return RequestKey(f"{request.method} {request.scope['route'].path}", idempotency_key)


CollectionsDep = Annotated[Collections, Depends(_collections)]
JobsDep = Annotated[JobQueue, Depends(_jobs)]
ChunksDep = Annotated[Chunks, Depends(_chunks)]
RequestKeyDep = Annotated[RequestKey | None, Depends(_request_key)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most items in one page.")]
Cursor = Annotated[
    str,
    Query(
        max_length=1000,
        description="`next_cursor` of the page before; opaque.",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"},
    ),
]
