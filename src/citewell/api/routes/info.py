"""What runs here, and the contract."""

from typing import Any

from fastapi import APIRouter, Request

import citewell
from citewell.api.deps import AppDep
from citewell.api.guard import PUBLIC, SIGNED_IN, GuardedRoute, allow
from citewell.api.schemas.operations import EmbeddingShown, Info, LimitsShown
from citewell.documents.parsers.media import EXTENSIONS

router = APIRouter(route_class=GuardedRoute, tags=["operations"])


@router.get("/api/v1/info", summary="What runs here")
@allow(SIGNED_IN)
async def info(app: AppDep) -> Info:
    """Version, models, limits and the known file name endings."""
    limits, model = app.settings.limits, app.embedder.model
    return Info(
        name="citewell",
        version=citewell.__version__,
        embedding=EmbeddingShown(model=model.name, dimension=model.dimension),
        answerer="quoting",
        language_models=[] if app.agent.writer is None else list(app.agent.writer.names),
        limits=LimitsShown.model_validate(limits),
        formats=list(EXTENSIONS),
    )


@router.get("/openapi.json", include_in_schema=False)
@allow(PUBLIC)
async def openapi(request: Request) -> dict[str, Any]:
    """The contract of this server."""
    document: dict[str, Any] = request.app.state.openapi
    return document
