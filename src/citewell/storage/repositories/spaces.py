"""Embedding spaces."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from citewell.domain.documents import Space
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import SpaceId, new_id
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.documents import spaces


class SpaceRepository(Scope):
    """A space is made once per (model, revision, dimension) and never changes."""

    async def ensure(self, model: str, revision: str, dimension: int) -> Space:
        """The space of this model, made when it is new."""
        await self.connection.execute(
            insert(spaces)
            .values(
                id=new_id(),
                tenant_id=self.tenant_id,
                model=model,
                revision=revision,
                dimension=dimension,
            )
            .on_conflict_do_nothing()
        )
        found = await self.connection.execute(
            select(spaces).where(
                spaces.c.tenant_id == self.tenant_id,
                spaces.c.model == model,
                spaces.c.revision == revision,
                spaces.c.dimension == dimension,
            )
        )
        return to_space(found.one())

    async def get(self, space_id: SpaceId) -> Space:
        """Raises `NotFoundError`."""
        found = await self.connection.execute(
            select(spaces).where(spaces.c.tenant_id == self.tenant_id, spaces.c.id == space_id)
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No embedding space {space_id}.")
        return to_space(row)


def to_space(row: Row[Any]) -> Space:
    """A row of `spaces`."""
    return Space(SpaceId(row.id), row.model, row.revision, row.dimension)
