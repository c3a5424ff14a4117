"""Everything of a tenant that is sealed, found and sealed anew in bounded batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Table,
    bindparam,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from citewell.storage.repositories.scope import SealedScope
from citewell.storage.repositories.sealing.data_keys import DataKeyRepository
from citewell.storage.sealing.seal import Seal
from citewell.storage.tables.approvals import approvals, checkpoints
from citewell.storage.tables.conversations import (
    citations,
    conversations,
    messages,
    run_events,
    runs,
)
from citewell.storage.tables.documents import chunks, document_versions
from citewell.storage.tables.privacy import exports, memories

Position = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """A table and those of its columns that are sealed."""

    table: Table
    columns: tuple[str, ...]
    batch: int = 200

    @property
    def name(self) -> str:
        """As `status` shows it."""
        return str(self.table.name)

    @property
    def key(self) -> tuple[Column[Any], ...]:
        """What orders the rows."""
        return tuple(self.table.primary_key.columns)


STORES: Sequence[Store] = (
    Store(document_versions, ("text", "headings"), batch=4),
    Store(chunks, ("text", "context", "headings", "terms", "field_terms")),
    Store(conversations, ("title", "summary")),
    Store(runs, ("request",)),
    Store(run_events, ("event",)),
    Store(messages, ("text",)),
    Store(citations, ("quote",)),
    Store(memories, ("text",)),
    Store(approvals, ("arguments", "outcome")),
    Store(checkpoints, ("content", "writes"), batch=20),
)


class SealedRepository(SealedScope):
    """The sealed rows of one tenant."""

    @property
    def keys(self) -> DataKeyRepository:
        """What they are sealed with."""
        return DataKeyRepository(self.connection, self.tenant_id)

    async def counts(self, store: Store) -> tuple[int, int]:
        """(rows sealed with the active key, rows)."""
        stale = func.count().filter(self._stale(store))
        found = await self.connection.execute(
            select(func.count(), stale).where(store.table.c.tenant_id == self.tenant_id)
        )
        total, left = found.one()
        return total - left, total

    async def reseal(self, store: Store, after: Position | None) -> tuple[Position | None, int]:
        """Seal the next batch of rows with the active key; (the last one's position, how many).

        The position is None when there are no more.
        """
        conditions = [store.table.c.tenant_id == self.tenant_id, self._stale(store)]
        if after is not None:
            conditions.append(tuple_(*store.key) > tuple_(*after))
        found = await self.connection.execute(
            select(*store.key, *(store.table.c[name] for name in store.columns))
            .where(*conditions)
            .order_by(*store.key)
            .limit(store.batch)
            .with_for_update()
        )
        rows = found.all()
        if rows:
            await self._rewrite(store, rows)
        return (tuple(rows[-1][: len(store.key)]) if rows else None), len(rows)

    async def blobs(self, after: UUID | None, limit: int) -> Sequence[tuple[UUID, str]]:
        """(version or copy, blob) of the tenant after that one, in order."""
        kept = union_all(
            *(
                select(table.c.id, table.c.blob_key).where(
                    table.c.tenant_id == self.tenant_id,
                    table.c.blob_key.is_not(None),
                    *(() if after is None else (table.c.id > after,)),
                )
                for table in (document_versions, exports)
            )
        ).subquery()
        found = await self.connection.execute(select(kept).order_by(kept.c.id).limit(limit))
        return [(row.id, row.blob_key) for row in found]

    async def _rewrite(self, store: Store, rows: Sequence[Row[Any]]) -> None:
        width = len(store.key)
        keys = [{f"key_{n}": row[n] for n in range(width)} for row in rows]
        values = [
            {
                f"new_{name}": self._anew(store, name, "/".join(map(str, row[:width])), stored)
                for name, stored in zip(store.columns, row[width:], strict=True)
            }
            for row in rows
        ]
        named = [column == bindparam(f"key_{n}") for n, column in enumerate(store.key)]
        await self.connection.execute(
            update(store.table)
            .where(store.table.c.tenant_id == self.tenant_id, *named)
            .values({name: bindparam(f"new_{name}") for name in store.columns}),
            [{**key, **value} for key, value in zip(keys, values, strict=True)],
        )

    def _anew(self, store: Store, name: str, row: str, stored: Any) -> Any:
        plain, column = _opened(self.seal, store.table.c[name], row, stored), store.table.c[name]
        place = str(column)
        if plain is None:
            return None
        match column.type:
            case JSONB():
                return self.seal.json(place, row, plain)
            case ARRAY():
                return self.seal.words(place, row, plain)
            case _:
                return self.seal.text(place, row, plain)

    def _stale(self, store: Store) -> ColumnElement[bool]:
        """Whether a row has anything that the active key has not sealed."""
        prefix = "" if self.seal.keys is None else self.seal.keys.active.prefix
        texts = [_as_text(store.table.c[name]) for name in store.columns]
        stale = or_(*(not_(func.starts_with(one, prefix)) for one in texts))
        # A version that nobody has read yet has nothing to seal.
        return stale & texts[0].is_not(None)


def opened_row(seal: Seal, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with those of its columns opened that are sealed; then it must hold its key."""
    sealed = next((store.columns for store in STORES if store.table is table), ())
    if not sealed:
        return dict(row)
    key = "/".join(str(row[column.name]) for column in table.primary_key)
    return {
        name: _opened(seal, table.c[name], key, value) if name in sealed else value
        for name, value in row.items()
    }


def _opened(seal: Seal, column: Column[Any], row: str, stored: Any) -> Any:
    if stored is None:
        return None
    match column.type:
        case JSONB():
            return seal.open_json(str(column), row, stored)
        case ARRAY():
            return seal.open_words(str(column), row, stored)
        case _:
            return seal.open_text(str(column), row, stored)


def _as_text(column: Column[Any]) -> ColumnElement[Any]:
    match column.type:
        case JSONB():
            return column.op("#>>")(literal_column("'{}'::text[]"))
        case ARRAY():
            return func.coalesce(column[1], "")
        case _:
            return column
