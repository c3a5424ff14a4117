"""Which collections are meant, how far they are, what documents are called: one round trip each."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.principal import Principal
from citewell.storage.at_once.once import Row

# `Database.read`.
Read = Callable[[Principal, TextClause, Mapping[str, Any]], Awaitable[list[Row]]]

_HEADS = text(
    "SELECT id, head FROM collections WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))"
)
_NAMED = text(
    "SELECT id, name FROM collections WHERE tenant_id = :tenant"
    " AND (id = ANY(CAST(:ids AS uuid[])) OR name = ANY(CAST(:names AS text[])))"
)
_TITLES = text(
    "SELECT id, title FROM documents WHERE tenant_id = :tenant AND deleted_at IS NULL"
    " AND id = ANY(CAST(:ids AS uuid[]))"
)


async def named(read: Read, who: Principal, names: Iterable[str]) -> dict[str, CollectionId]:
    """The collections that the caller may see, by the id or else the name that they were called."""
    called = {name: _as_id(name) for name in names}
    ids = [one for one in called.values() if one is not None]
    rows = await read(who, _NAMED, {"ids": ids, "names": list(called)})
    by_id = {row[0]: CollectionId(row[0]) for row in rows}
    by_name = {row[1]: CollectionId(row[0]) for row in rows}
    found = {name: by_id.get(one) or by_name.get(name) for name, one in called.items()}
    return {name: one for name, one in found.items() if one is not None}


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


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
