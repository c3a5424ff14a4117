"""Rows that the stories begin with, made by the repositories themselves."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import text

from citewell.domain.documents import Chunk, Collection, ParsedText, TextKind
from citewell.domain.ids import (
    CollectionId,
    ConversationId,
    DocumentId,
    RunId,
    TenantId,
    UserId,
    VersionId,
    chunk_id,
    new_id,
)
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.taking_in.new_chunks import NewChunk
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.transaction import Transaction

DIMENSION = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """A document with a version that is searched."""

    collection: Collection
    document_id: DocumentId
    version_id: VersionId


async def add_collection(tx: Transaction, name: str = "default") -> Collection:
    space = await tx.spaces.ensure("model", "1", DIMENSION)
    return await tx.collections.ensure(name, space.id)


async def add_document(
    tx: Transaction, collection_id: CollectionId, filename: str = "a.txt", sha256: str = "5a"
) -> tuple[DocumentId, VersionId]:
    document_id = await tx.documents.add(NewDocument(collection_id, filename, filename))
    blob = StoredBlob(new_id().hex, sha256, 3)
    return document_id, await tx.versions.add(document_id, blob)


def make_chunk(version_id: VersionId, ordinal: int, text: str = "some words") -> NewChunk:
    """A chunk with one window; its vectors are unit rows that differ by ordinal."""
    whole = np.zeros((2, DIMENSION), dtype=np.float32)
    whole[:, ordinal % DIMENSION] = 1.0
    chunk = Chunk(
        id=chunk_id(version_id, "p1", ordinal),
        ordinal=ordinal,
        start=ordinal * 10,
        end=ordinal * 10 + len(text),
        page=1,
        page_label="",
        headings=("H",),
        context="title",
        kind=TextKind.PROSE,
        tokens=2,
        windows=((0, 4),),
        terms=text,
        field_terms="title",
    )
    return NewChunk(chunk, text, whole)


async def show(tx: Transaction, stored: Stored) -> int:
    """Make the version the one that is searched; returns the change's number."""
    await tx.documents.update(stored.document_id, {"active_version_id": stored.version_id})
    return await tx.collections.publish(
        stored.collection.id, ChangeKind.PUT, stored.document_id, stored.version_id
    )


async def add_searchable(
    tx: Transaction, *, filename: str = "a.txt", chunks: int = 3, language: str = "en"
) -> Stored:
    """A document of the default collection whose chunks are written, and which is searched."""
    collection = await add_collection(tx)
    document_id, version_id = await add_document(tx, collection.id, filename)
    parsed = ParsedText("some words " * 10, TextKind.PROSE, language=language)
    parsed = replace(parsed, metadata={"media_type": "text/plain"})
    await tx.versions.store_text(version_id, parsed)
    await tx.versions.set_plan(version_id, "p1", chunks, tokens=2 * chunks)
    batch = [make_chunk(version_id, i) for i in range(chunks)]
    await tx.chunks.put(document_id, version_id, collection.active_space_id, batch)
    stored = Stored(collection, document_id, version_id)
    await show(tx, stored)
    return stored


async def execute(database: Database, statement: str, **values: object) -> None:
    """As the owner of the tables, whom no policy binds (the private database's superuser)."""
    async with database.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def ask(
    database: Database,
    tenant: TenantId,
    question: str,
    conversation: ConversationId | None = None,
) -> ConversationId:
    """A question in a conversation, which is made when none is given."""
    user, run = UserId(new_id()), RunId(new_id())
    async with database.transaction(tenant) as tx:
        within = conversation or await tx.conversations.create(user, question)
        asked = [{"type": "ASKED", "text": question}]
        await tx.runs.create(run, within, user, {"text": question}, asked)
        await tx.conversations.add_question(within, run, question)
    return within


async def waits_for_a_lock(database: Database) -> None:
    """Return once a session of the server waits for another one."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(60), database.engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar_one():  # No event there.
            await connection.rollback()
            await asyncio.sleep(0.01)
