"""Whether the process lives, whether it can serve, and its numbers."""

import asyncio
import ipaddress
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from citewell.api.authentication import authenticate
from citewell.api.deps import ServerDep
from citewell.api.guard import PUBLIC, GuardedRoute, allow
from citewell.api.schemas.operations import Live, Ready
from citewell.api.server import Server
from citewell.domain.errors import UnavailableError
from citewell.domain.jobs import JobState
from citewell.domain.principal import Scope
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger

router = APIRouter(route_class=GuardedRoute, tags=["operations"])

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}
PING_SECONDS = 2.0
log = logger(__name__)
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@router.get("/livez", summary="Does the process answer?")
@allow(PUBLIC)
async def livez() -> Live:
    """Always, while it runs."""
    return Live()


@router.get("/readyz", summary="Can it serve?")
@allow(PUBLIC)
async def readyz(server: ServerDep) -> Ready:
    """503 with the reason while something that every request needs is away."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            await server.opened().database.ping()
    except TimeoutError as error:
        raise UnavailableError("The database does not answer in time.") from error
    return Ready(checks={"database": "ok"})


@router.get("/healthz", summary="Can it serve? As `/readyz`")
@allow(PUBLIC)
async def healthz(server: ServerDep) -> Ready:
    """For probes that know this name only."""
    return await readyz(server)


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=TEXT)
@allow(PUBLIC)
async def prometheus(request: Request, server: ServerDep) -> Response:
    """Without a credential only for this machine itself."""
    if not _is_local(request):
        (await authenticate(server.opened(), request)).require(Scope.ADMIN)
    await _count_jobs(server)
    content, media_type = metrics.render()
    return Response(content, media_type=media_type)


async def _count_jobs(server: Server) -> None:
    """As they are in the database: workers are other processes. Without it, as they were."""
    if server.app is None:
        return
    try:
        async with asyncio.timeout(PING_SECONDS), server.app.database.system() as system:
            depth = await system.queue_depth()
    except (TimeoutError, UnavailableError) as error:
        log.warning("metrics.jobs_unknown", why=str(error))
        return
    for state in JobState.QUEUED, JobState.LEASED:
        metrics.jobs.labels(state.value).set(depth.get(state.value, 0))


def _is_local(request: Request) -> bool:
    """Whether the peer is this machine; a proxy on it speaks for somebody else."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
