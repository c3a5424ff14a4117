"""The bytes of a document as they were given."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from citewell.domain.documents import Document
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import DocumentId
from citewell.domain.principal import Principal, Scope
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database


async def original(
    database: Database, blobs: BlobStore, principal: Principal, document_id: DocumentId
) -> tuple[Document, Path | Iterator[bytes]]:
    """A document with its file, or with pieces to be read in a thread; raises `NotFoundError`."""
    principal.require(Scope.DOCUMENTS_READ)
    async with database.transaction(principal) as tx:
        document = await tx.documents.get(document_id)
        blob = await tx.versions.blob(document_id)
    try:
        return document, await asyncio.to_thread(blobs.content, blob.key, tx.seal)
    except FileNotFoundError as error:
        raise NotFoundError(
            "The bytes of this document are gone.", hint="Upload it again."
        ) from error
