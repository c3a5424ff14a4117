"""Privacy: what people agreed to, a copy of what is stored about them, and being forgotten."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from citewell.api.bodies.downloads import attachment
from citewell.api.deps import AppDep, Caller, RequestKeyDep
from citewell.api.guard import OWN_DATA, GuardedRoute, allow
from citewell.api.schemas.privacy import (
    Consents,
    ConsentShown,
    Decision,
    ErasureRequest,
    ErasureShown,
    ExportRequest,
    ExportShown,
)
from citewell.domain.ids import ErasureId, ExportId, UserId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/privacy", tags=["privacy"])

COPY: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/consents", summary="List what a person agreed to")
@allow(OWN_DATA)
async def list_consents(caller: Caller, app: AppDep, person: UUID | None = None) -> Consents:
    """Of the caller, or for an administrator of the `person`."""
    found = await app.privacy.decisions(caller, _user(person))
    return Consents(items=[ConsentShown.model_validate(one) for one in found])


@router.put("/consents", summary="Agree, or withdraw")
@allow(OWN_DATA)
async def decide(body: Decision, caller: Caller, app: AppDep) -> ConsentShown:
    """Adds to the history, which nobody can change."""
    made = await app.privacy.decide(caller, body.purpose, body.version, given=body.given)
    return ConsentShown.model_validate(made)


@router.post("/exports", status_code=202, summary="Ask for a copy of what is stored")
@allow(OWN_DATA)
async def start_export(
    body: ExportRequest, caller: Caller, app: AppDep, once: RequestKeyDep
) -> ExportShown:
    """About the caller, or for an administrator about the `person`, in this tenant."""
    asked = await app.privacy.export(caller, _user(body.person), once=once)
    return ExportShown.model_validate(asked)


@router.get("/exports/{export_id}", summary="Show an export")
@allow(OWN_DATA)
async def get_export(export_id: UUID, caller: Caller, app: AppDep) -> ExportShown:
    """It can be fetched when it is `ready`."""
    return ExportShown.model_validate(await app.privacy.get_export(caller, ExportId(export_id)))


@router.get(
    "/exports/{export_id}/content",
    summary="Fetch an export",
    response_class=FileResponse,
    responses=COPY,
)
@allow(OWN_DATA)
async def fetch_export(export_id: UUID, caller: Caller, app: AppDep) -> Response:
    """A ZIP with a manifest of what it holds."""
    content = await app.privacy.fetch(caller, ExportId(export_id))
    return attachment(content, f"{export_id}.zip", {}, "application/zip")


@router.post("/erasures", status_code=202, summary="Have a person forgotten")
@allow(OWN_DATA)
async def start_erasure(
    body: ErasureRequest, caller: Caller, app: AppDep, once: RequestKeyDep
) -> ErasureShown:
    """The caller, or for an administrator the `person`; it cannot be stopped or undone."""
    asked = await app.privacy.erase(
        caller, _user(body.person), with_documents=body.documents, once=once
    )
    return ErasureShown.model_validate(asked)


@router.get("/erasures/{erasure_id}", summary="Show an erasure's receipt")
@allow(OWN_DATA)
async def get_erasure(erasure_id: UUID, caller: Caller, app: AppDep) -> ErasureShown:
    """For administrators, and the person themselves while they can still sign in."""
    return ErasureShown.model_validate(await app.privacy.get_erasure(caller, ErasureId(erasure_id)))


def _user(person: UUID | None) -> UserId | None:
    return None if person is None else UserId(person)
