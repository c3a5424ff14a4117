"""Documents: in, listed, read, changed, out."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import FileResponse

from citewell.api import cursors
from citewell.api.bodies import uploads
from citewell.api.bodies.downloads import attachment
from citewell.api.deps import (
    AppDep,
    Caller,
    ChunksDep,
    Cursor,
    Limit,
    RequestKeyDep,
    ServerDep,
)
from citewell.api.guard import CAN_READ, CAN_UPLOAD, CAN_WRITE, GuardedRoute, allow
from citewell.api.preconditions import CONDITIONAL, TAGGED, PreconditionDep, tagged
from citewell.api.routes.collections import NameOrId
from citewell.api.schemas.documents import (
    AcceptedShown,
    ChunkPage,
    ChunkShown,
    DocumentChange,
    DocumentPage,
    DocumentShown,
    NewAddress,
    NewText,
    ReceiptShown,
    TextShown,
    UploadFields,
)
from citewell.api.schemas.fields import Name, ShortText
from citewell.domain.documents import DocumentStatus, OnDuplicate
from citewell.domain.ids import DocumentId, VersionId
from citewell.storage.repositories.documents import DocumentQuery

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1", tags=["documents"])

ADDRESS = NewAddress.model_json_schema()
# Shapes beside the route have no place for definitions of their own.
ADDRESS["properties"]["on_duplicate"] = {"type": "string", "enum": list(OnDuplicate)}
del ADDRESS["$defs"]

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "title": UploadFields.model_json_schema()["properties"]["title"],
                        "tags": {
                            "type": "string",
                            "maxLength": 6463,
                            "description": "Separated by commas.",
                            "pattern": "^[^\\u0000,]{0,100}(,[^\\u0000,]{0,100}){0,63}$",
                        },
                        "metadata": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "A JSON object.",
                        },
                        "on_duplicate": {"type": "string", "enum": list(OnDuplicate)},
                    },
                }
            },
            "application/json": {
                "schema": {"anyOf": [NewText.model_json_schema(), ADDRESS]},
            },
        },
    }
}
ORIGINAL: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as they were given.",
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "/collections/{collection_id}/documents",
    status_code=202,
    summary="Upload a file, send a text, or name a page",
    openapi_extra=UPLOAD,
)
@allow(CAN_UPLOAD)
async def add_document(
    collection_id: NameOrId,
    request: Request,
    caller: Caller,
    server: ServerDep,
    once: RequestKeyDep,
) -> AcceptedShown:
    """The file is durable when this returns; its job reads it. Fields may follow the file."""
    collection = await server.opened().documents.collection(caller, collection_id)
    accepted = await uploads.take(server, caller, collection.id, request, once)
    return AcceptedShown.of(accepted)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which documents to list."""

    collection: Annotated[Name | None, Query(description="Its name or id.")] = None
    status: DocumentStatus | None = None
    q: Annotated[ShortText, Query(description="Part of a title or file name.")] = ""
    cursor: Cursor = ""
    limit: Limit = 50


@router.get("/documents", summary="List documents")
@allow(CAN_READ)
async def list_documents(
    caller: Caller, app: AppDep, asked: Annotated[Listing, Depends()]
) -> DocumentPage:
    """Newest first."""
    name, limit = asked.collection, asked.limit
    inside = await app.documents.collection(caller, name) if name else None
    before = DocumentId(cursors.decode_id(asked.cursor)) if asked.cursor else None
    query = DocumentQuery(inside.id if inside else None, asked.status, asked.q, before, limit)
    found = await app.documents.page(caller, query)
    more = cursors.next_cursor([one.id for one in found], limit)
    return DocumentPage(items=[DocumentShown.of(one) for one in found], next_cursor=more)


@router.get("/documents/{document_id}", summary="Show a document", responses=TAGGED)
@allow(CAN_READ)
async def get_document(
    document_id: UUID, caller: Caller, app: AppDep, response: Response
) -> DocumentShown:
    """With its progress, or the reason why it failed."""
    found = await app.documents.get(caller, DocumentId(document_id))
    return tagged(response, found, DocumentShown.of(found))


@router.patch(
    "/documents/{document_id}", summary="Change title, tags or metadata", responses=CONDITIONAL
)
@allow(CAN_WRITE)
async def change_document(
    document_id: UUID, body: DocumentChange, caller: Caller, app: AppDep, only_if: PreconditionDep
) -> DocumentShown:
    """What is left out stays."""
    changes, wanted = body.model_dump(exclude_unset=True), DocumentId(document_id)
    changed = await app.documents.describe(caller, wanted, changes, seen=only_if.seen)
    return tagged(only_if.response, changed, DocumentShown.of(changed))


@router.delete("/documents/{document_id}", summary="Delete a document")
@allow(CAN_WRITE)
async def delete_document(document_id: UUID, caller: Caller, app: AppDep) -> ReceiptShown:
    """It is in no search when this returns."""
    return ReceiptShown.of(await app.documents.delete(caller, DocumentId(document_id)))


@router.get("/documents/{document_id}/text", summary="Read the canonical text")
@allow(CAN_READ)
async def get_text(
    document_id: UUID, caller: Caller, app: AppDep, version: UUID | None = None
) -> TextShown:
    """Of the version that is searched, or of the one that is named."""
    wanted = VersionId(version) if version else None
    return TextShown.of(await app.documents.text(caller, DocumentId(document_id), wanted))


@router.get("/documents/{document_id}/chunks", summary="List the chunks of a document")
@allow(CAN_READ)
async def list_chunks(
    document_id: UUID, caller: Caller, chunks: ChunksDep, cursor: Cursor = "", limit: Limit = 50
) -> ChunkPage:
    """In the order of the text."""
    after = cursors.decode_number(cursor) if cursor else -1
    found = await chunks.page(caller, DocumentId(document_id), after=after, limit=limit)
    more = cursors.next_cursor([one.ordinal for one in found], limit)
    return ChunkPage(items=[ChunkShown.model_validate(one) for one in found], next_cursor=more)


@router.get(
    "/documents/{document_id}/original",
    summary="Download the file",
    response_class=FileResponse,
    responses=ORIGINAL,
)
@allow(CAN_READ)
async def get_original(document_id: UUID, caller: Caller, app: AppDep) -> Response:
    """Always an attachment: it is somebody's file, not a page of ours."""
    document, content = await app.documents.original(caller, DocumentId(document_id))
    name = document.filename.rpartition("/")[2]
    headers = {"content-security-policy": "sandbox; default-src 'none'"}
    return attachment(content, name, headers)


@router.post(
    "/documents/{document_id}/reprocess", status_code=202, summary="Read the file once more"
)
@allow(CAN_WRITE)
async def reprocess_document(
    document_id: UUID, caller: Caller, app: AppDep, once: RequestKeyDep
) -> AcceptedShown:
    """As a new version; the present one is searched until that is ready."""
    again = await app.documents.reprocess(caller, DocumentId(document_id), once=once)
    return AcceptedShown.of(again)
