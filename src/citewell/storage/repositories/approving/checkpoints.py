"""The last state of every run that may pause, while it has not ended."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.ids import RunId
from citewell.storage.repositories.scope import SealedScope
from citewell.storage.tables.approvals import checkpoints

_CONTENT, _WRITES = "checkpoints.content", "checkpoints.writes"

Stored = tuple[str, str, Sequence[str]]


class CheckpointRepository(SealedScope):
    """One row for each thread: the run in which it began, whichever run goes on from there."""

    async def load(self, thread: RunId) -> Stored | None:
        """(id of the state, its content, what its step has written since); None for none."""
        return await self._load(thread, locked=False)

    async def keep(self, thread: RunId, held_by: RunId, checkpoint_id: str, content: str) -> None:
        """In place of what was kept before."""
        values: dict[str, Any] = {
            "held_by": held_by,
            "checkpoint_id": checkpoint_id,
            "content": self.seal.text(_CONTENT, thread, content),
            "writes": self.seal.json(_WRITES, thread, []),
        }
        await self.connection.execute(
            insert(checkpoints)
            .values(run_id=thread, tenant_id=self.tenant_id, **values)
            .on_conflict_do_update(index_elements=["run_id"], set_={**values, "at": func.now()})
        )

    async def write(self, thread: RunId, checkpoint_id: str, writes: Sequence[str]) -> None:
        """Add to what the step of this state has written; no effect on any other state."""
        kept = await self._load(thread, locked=True)
        if kept is None or kept[0] != checkpoint_id:
            return
        added = self.seal.json(_WRITES, thread, [*kept[2], *writes])
        await self.connection.execute(
            update(checkpoints).where(self._mine(thread)).values(writes=added)
        )

    async def hand_on(self, thread: RunId, held_by: RunId) -> None:
        """From now on this run goes on from there."""
        await self.connection.execute(
            update(checkpoints).where(self._mine(thread)).values(held_by=held_by)
        )

    async def drop(self, run_id: RunId) -> None:
        """The run that went on from there has ended."""
        await self.connection.execute(
            delete(checkpoints).where(
                checkpoints.c.tenant_id == self.tenant_id, checkpoints.c.held_by == run_id
            )
        )

    async def _load(self, thread: RunId, *, locked: bool) -> Stored | None:
        query = select(checkpoints).where(self._mine(thread))
        found = await self.connection.execute(query.with_for_update() if locked else query)
        row = found.one_or_none()
        if row is None:
            return None
        content = self.seal.open_text(_CONTENT, thread, row.content)
        return row.checkpoint_id, content, self.seal.open_json(_WRITES, thread, row.writes)

    def _mine(self, thread: RunId) -> ColumnElement[bool]:
        return (checkpoints.c.tenant_id == self.tenant_id) & (checkpoints.c.run_id == thread)
