"""How far collections are, and what documents are called, in one round trip each."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import TextClause, text

from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.principal import Principal
from citewell.storage.reading.once import Row

# `Database.read`.
Read = Callable[[Principal, TextClause, Mapping[str, Any]], Awaitable[list[Row]]]

_HEADS = text(
    "SELECT id, head FROM collections WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))"
)
_TITLES = text(
    "SELECT id, title FROM documents WHERE tenant_id = :tenant AND deleted_at IS NULL"
    " AND id = ANY(CAST(:ids AS uuid[]))"
)


async def heads(
    read: Read, who: Principal, collections: Iterable[CollectionId]
) -> dict[CollectionId, int]:
    """The last change number of each of these collections that the caller may see."""
    rows = await read(who, _HEADS, {"ids": list(collections)})
    return {CollectionId(row[0]): int(row[1]) for row in rows}


async def titles(
    read: Read, who: Principal, documents: Iterable[DocumentId]
) -> dict[DocumentId, str]:
    """What those of these documents are called that are there and the caller may see."""
    rows = await read(who, _TITLES, {"ids": list(documents)})
    return {DocumentId(row[0]): str(row[1]) for row in rows}
