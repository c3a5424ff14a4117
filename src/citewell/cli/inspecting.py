"""Looking at every index from this process: what is on disk, and what the database says."""

import asyncio
from typing import Any

from citewell.bootstrap import open_app
from citewell.config import Settings
from citewell.telemetry.logs import configure


def inspected(*, rebuild: bool) -> list[dict[str, Any]]:
    """A row per collection; with `rebuild`, after it was made again."""
    configure("warning")
    return asyncio.run(_inspect(rebuild=rebuild))


async def _inspect(*, rebuild: bool) -> list[dict[str, Any]]:
    async with open_app(Settings()) as app:
        async with app.database.system() as system:
            collections = await system.collections()
        rows = []
        for tenant_id, collection_id in collections:
            if rebuild:
                await app.projections.rebuild(tenant_id, collection_id)
            found = await app.projections.verify(tenant_id, collection_id)
            rows.append(
                {
                    "id": str(collection_id),
                    "collection": str(collection_id),
                    "position": found.position,
                    "chunks": found.chunks,
                    "missing": found.missing,
                    "extra": found.extra,
                    "damage": found.damage,
                    "ok": found.ok,
                }
            )
        return rows
