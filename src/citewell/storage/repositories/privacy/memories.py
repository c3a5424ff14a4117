"""Facts about people, in their own words, each of one person."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import MemoryId, UserId, new_id
from citewell.domain.memories import MOST_FACTS, Memory
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.privacy import memories

_TEXT = "memories.text"
# Composed once: every question reads them.
_OF = (
    select(memories)
    .where(memories.c.tenant_id == bindparam("tenant"), memories.c.user_id == bindparam("user"))
    .order_by(memories.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)


class MemoryRepository(SealedScope):
    """The facts of one tenant's people; one of somebody else's is not found."""

    async def of(self, user_id: UserId, *, limit: int = MOST_FACTS) -> Sequence[Memory]:
        """The newest first."""
        asked = {"tenant": self.tenant_id, "user": user_id, "most": limit}
        found = await self.connection.execute(_OF, asked)
        return [self._memory(row) for row in found]

    async def add(self, user_id: UserId, text: str) -> Memory:
        """Keep one; raises `ConflictError` when there are `MOST_FACTS` already."""
        # Two at once must not both find the last place free.
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"memories {user_id}", 0))
        await self.connection.execute(select(lock))
        kept = await self.connection.execute(
            select(func.count())
            .select_from(memories)
            .where(memories.c.tenant_id == self.tenant_id, memories.c.user_id == user_id)
        )
        if kept.scalar_one() >= MOST_FACTS:
            raise ConflictError(
                f"{MOST_FACTS} facts about you are kept already.", hint="Delete one of them first."
            )
        memory_id = MemoryId(new_id())
        made = await self.connection.execute(
            insert(memories)
            .values(
                id=memory_id,
                tenant_id=self.tenant_id,
                user_id=user_id,
                text=self.seal.text(_TEXT, memory_id, text),
            )
            .returning(memories)
        )
        return self._memory(made.one())

    async def lock(self, memory_id: MemoryId, user_id: UserId) -> Memory:
        """One of them, which nobody else changes before this transaction ends.

        Raises `NotFoundError`.
        """
        found = await self.connection.execute(
            select(memories).where(self._mine(memory_id, user_id)).with_for_update()
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No memory {memory_id}.")
        return self._memory(row)

    async def change(self, memory_id: MemoryId, user_id: UserId, text: str) -> Memory:
        """Say it in other words; it must be there."""
        changed = await self.connection.execute(
            update(memories)
            .where(self._mine(memory_id, user_id))
            .values(text=self.seal.text(_TEXT, memory_id, text), updated_at=func.clock_timestamp())
            .returning(memories)
        )
        return self._memory(changed.one())

    async def delete(self, memory_id: MemoryId, user_id: UserId) -> None:
        """Raises `NotFoundError`."""
        done = await self.connection.execute(delete(memories).where(self._mine(memory_id, user_id)))
        if done.rowcount == 0:
            raise NotFoundError(f"No memory {memory_id}.")

    def _memory(self, row: Row[Any]) -> Memory:
        text = self.seal.open_text(_TEXT, row.id, row.text)
        return Memory(MemoryId(row.id), text, row.created_at, row.updated_at)

    def _mine(self, memory_id: MemoryId, user_id: UserId) -> ColumnElement[bool]:
        return (
            (memories.c.tenant_id == self.tenant_id)
            & (memories.c.id == memory_id)
            & (memories.c.user_id == user_id)
        )
