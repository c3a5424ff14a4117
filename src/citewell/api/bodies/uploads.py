"""Files on their way in: bounded, streamed once, straight to the blob store."""

import asyncio
import codecs
from collections.abc import AsyncIterator

from pydantic import ValidationError
from starlette.requests import Request

from citewell.api.bodies.json_bodies import MEDIA_TYPE as JSON
from citewell.api.bodies.json_bodies import check_json
from citewell.api.bodies.multipart import read_upload
from citewell.api.bodies.reading import (
    BODY_BYTES,
    BODY_SECONDS,
    check_length,
    read_body,
    too_large,
)
from citewell.api.errors import from_validation
from citewell.api.schemas.documents import NewAddress, NewText
from citewell.api.server import Server
from citewell.documents.fetching.service import Wanted
from citewell.documents.service import Accepted
from citewell.domain.errors import TimedOutError, UnsupportedError
from citewell.domain.ids import CollectionId
from citewell.domain.principal import Principal
from citewell.storage.repetition import RequestKey

FORM_OVERHEAD_BYTES = 2_000_000


async def take(
    server: Server,
    principal: Principal,
    collection_id: CollectionId,
    request: Request,
    once: RequestKey | None,
) -> Accepted:
    """Take in the form's file, the JSON's text, or the page that it names.

    Raises as `Documents.accept` does, `UnsupportedError` for another kind of body, and
    `UnavailableError` when too many uploads or fetches are going on.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    documents = server.opened().documents
    with server.uploads.hold():
        if kind == "multipart/form-data":
            limit = server.settings.limits.upload_bytes + FORM_OVERHEAD_BYTES
            check_length(request, limit)
            pieces = _bounded(request, limit)
            upload = await read_upload(request.headers["content-type"], pieces)
            return await documents.accept(principal, collection_id, upload, once=once)
        _check_kind(kind)
        new = _shape(await read_body(request, BODY_BYTES))
        if isinstance(new, NewText):
            return await documents.accept_text(
                principal, collection_id, title=new.title, text=new.text, once=once
            )
    # Slow sites must not take the places of uploads.
    with server.fetches.hold():
        wanted = Wanted(new.url, new.title, new.on_duplicate)
        return await server.opened().fetching.accept(principal, collection_id, wanted, once=once)


async def _bounded(request: Request, limit: int) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    count = 0
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise TimedOutError(f"Nothing arrived for {BODY_SECONDS:g} seconds.") from error
        if piece is None:
            return
        count += len(piece)
        if count > limit:
            raise too_large(limit)
        yield piece


def _check_kind(kind: str) -> None:
    if kind != JSON:
        raise UnsupportedError(
            "A document comes as multipart/form-data or as application/json.",
            hint="Send the file in the form's field `file`, or JSON with `text` or `url`.",
        )


def _shape(body: bytes) -> NewText | NewAddress:
    given = check_json(JSON, body)
    shape = NewAddress if isinstance(given, dict) and "url" in given else NewText
    try:
        return shape.model_validate_json(body.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        raise from_validation(error) from error
