"""Puts ready pieces and vectors into the product's own tables and change log."""

from itertools import groupby

import numpy as np

from benchmarks.speed.pieces import Pieces
from citewell.bootstrap import App
from citewell.documents.chunking import PIPELINE
from citewell.domain.documents import Chunk, DocumentStatus, TextKind
from citewell.domain.ids import CollectionId, DocumentId, VersionId, chunk_id
from citewell.domain.principal import Principal
from citewell.index.analyzer import analyze
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.taking_in.new_chunks import NewChunk
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.transaction import Transaction

COMMIT = 200


async def seed(
    app: App, principal: Principal, pieces: Pieces
) -> tuple[CollectionId, dict[DocumentId, str]]:
    """A collection of these pieces; the names of its documents by id."""
    collection = await app.documents.collection(principal, "default")
    places = [
        list(group) for _, group in groupby(range(len(pieces.texts)), pieces.documents.__getitem__)
    ]
    names: dict[DocumentId, str] = {}
    for start in range(0, len(places), COMMIT):
        async with app.database.transaction(principal.tenant_id) as tx:
            space_id, _ = await tx.collections.head(collection.id)
            for rows in places[start : start + COMMIT]:
                name = pieces.documents[rows[0]]
                document_id, version_id = await _document(tx, collection.id, name)
                chunks = [_chunk(pieces, version_id, n, row) for n, row in enumerate(rows)]
                await tx.chunks.put(document_id, version_id, space_id, chunks)
                await tx.documents.update(
                    document_id,
                    {"active_version_id": version_id, "status": DocumentStatus.READY.value},
                )
                await tx.collections.publish(collection.id, ChangeKind.PUT, document_id, version_id)
                names[document_id] = name
    return collection.id, names


async def _document(
    tx: Transaction, collection_id: CollectionId, name: str
) -> tuple[DocumentId, VersionId]:
    document_id = await tx.documents.add(NewDocument(collection_id, name, name))
    version_id = await tx.versions.add(document_id, StoredBlob("0" * 32, name, 0))
    return document_id, version_id


def _chunk(pieces: Pieces, version_id: VersionId, ordinal: int, row: int) -> NewChunk:
    text = pieces.texts[row]
    terms = analyze(text, language="en")
    chunk = Chunk(
        id=chunk_id(version_id, PIPELINE, ordinal),
        ordinal=ordinal,
        # The pieces of a document lie one after the other.
        start=ordinal * 1000,
        end=ordinal * 1000 + len(text),
        page=None,
        page_label="",
        headings=(),
        context="",
        kind=TextKind.PROSE,
        tokens=len(terms),
        windows=(),
        terms=" ".join(terms),
        field_terms="",
    )
    return NewChunk(chunk, text, pieces.vectors[row : row + 1].astype(np.float32))
