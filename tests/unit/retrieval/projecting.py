"""What the tests of projections have in common."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from citewell.domain.ids import CollectionId
from citewell.index.index import IndexSettings
from citewell.retrieval.projections import BATCH, Projections
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.collections import CHANGES_TOPIC
from tests.unit.retrieval.library import Library

SECONDS = 20.0
TEXTS = {
    "Bread": "Bread is baked in an oven from flour and water.",
    "Ships": "Ships cross the ocean and carry wheat to other ports.",
    "Stars": "Stars shine because hydrogen becomes helium in them.",
}


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await met():  # noqa: ASYNC110  # A projection has no event to wait for.
            await asyncio.sleep(0.02)


async def shown(projections: Projections, library: Library, collection: CollectionId) -> list[int]:
    """What a search sees by meaning; it must see the same by words."""
    snapshot = (await projections.view(library.tenant, collection)).snapshot
    keys: list[int] = snapshot.keys().tolist()
    assert snapshot.lexical.keys().tolist() == keys
    return keys


def working(projections: Projections) -> list[Path]:
    """The working folders of what is loaded."""
    return list(projections.folder.glob("*/*/work-*"))


def again(
    projections: Projections,
    *,
    memory_bytes: int = 1 << 30,
    batch: int = BATCH,
    database: Database | None = None,
) -> Projections:
    """What another process would have on the same folder."""
    return Projections(
        database or projections.database,
        Notifications(projections.database.url),
        projections.folder,
        IndexSettings(),
        memory_bytes,
        batch,
    )


@asynccontextmanager
async def running(projections: Projections) -> AsyncIterator[None]:
    tasks = [
        asyncio.ensure_future(projections.notifications.run((CHANGES_TOPIC,))),
        asyncio.ensure_future(projections.run()),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
