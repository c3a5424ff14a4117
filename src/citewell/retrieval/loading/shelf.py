"""The projections that a process has in memory: opened once, held by one, let go in time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, TenantId
from citewell.index.index import IndexSettings
from citewell.index.projection import Projection
from citewell.retrieval.loading.feed import Feed, Loaded, uninterrupted
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger

SAVE_SECONDS = 30.0

log = logger(__name__)


@dataclass(slots=True)
class Shelf:
    """What is loaded may be read by anyone at any time, and is changed under its lock alone."""

    feed: Feed
    folder: Path
    settings: IndexSettings
    _loaded: dict[CollectionId, Loaded] = field(default_factory=dict)
    # A lock is there as long as somebody holds it or waits: ids that name nothing leave nothing.
    _opening: WeakValueDictionary[CollectionId, asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )

    def all(self) -> list[Loaded]:
        """What is loaded now."""
        return list(self._loaded.values())

    async def load(self, tenant_id: TenantId, collection_id: CollectionId) -> Loaded:
        """The projection, opened when it is not there; else nothing is waited for.

        Raises `NotFoundError`.
        """
        found = self._loaded.get(collection_id)
        if found is None:
            async with self._opening.setdefault(collection_id, asyncio.Lock()):
                found = self._loaded.get(collection_id)
                if found is None:
                    found = await self._open(tenant_id, collection_id)
                    self._loaded[collection_id] = found
                    self._measure()
        if found.tenant_id != tenant_id:
            raise NotFoundError(f"No collection {collection_id}.")
        return found

    @asynccontextmanager
    async def hold(self, tenant_id: TenantId, collection_id: CollectionId) -> AsyncIterator[Loaded]:
        """The projection under its lock, loaded again when it was let go meanwhile."""
        while True:
            loaded = await self.load(tenant_id, collection_id)
            async with loaded.lock:
                if self._loaded.get(collection_id) is loaded:
                    yield loaded
                    return

    async def follow(self, loaded: Loaded) -> None:
        """Bring what the caller holds to the head of its change log. Raises `NotFoundError`."""
        if await self.feed.follow(loaded):
            loaded.profile = await self.feed.profile(loaded)
            self._measure()

    async def save_due(self) -> None:
        """Save what has changed and was not saved for `SAVE_SECONDS`."""
        now = time.monotonic()
        for loaded in list(self._loaded.values()):
            if loaded.is_dirty and now - loaded.saved > SAVE_SECONDS:
                async with loaded.lock:
                    if self._loaded.get(loaded.collection_id) is loaded:
                        await self._save(loaded)

    async def evict(self, memory_bytes: int) -> None:
        """Let go what was used longest ago, until at most `memory_bytes` are held, or one."""
        sizes = [(one, one.projection.snapshot.memory_bytes) for one in self._loaded.values()]
        total = sum(size for _, size in sizes)
        for loaded, size in sorted(sizes, key=lambda one: one[0].used):
            if total <= memory_bytes or len(self._loaded) <= 1:
                return
            total -= size
            await self.let_go(loaded, save=True)

    async def let_go(self, loaded: Loaded, *, save: bool) -> None:
        """Release it once nobody holds it; snapshots that were taken of it stay readable."""
        async with loaded.lock:
            if self._loaded.get(loaded.collection_id) is not loaded:
                return
            try:
                if save and loaded.is_dirty:
                    await self._save(loaded)
            finally:
                # Before the lock is free: who waits for it must see that it was let go.
                del self._loaded[loaded.collection_id]
                self._measure()
                await uninterrupted(loaded.projection.close)

    async def _open(self, tenant_id: TenantId, collection_id: CollectionId) -> Loaded:
        async with self.feed.database.transaction(tenant_id) as tx:
            space_id, _ = await tx.collections.head(collection_id)
        folder = self.folder / str(collection_id) / str(space_id)
        opened: list[Projection] = []
        try:
            # Into a list: who is cancelled meanwhile finds it there to close.
            await uninterrupted(lambda: opened.append(Projection.open(folder, self.settings)))
            return await self._filled(Loaded(tenant_id, collection_id, space_id, opened[0]))
        except BaseException:
            for projection in opened:
                await uninterrupted(projection.close)
            raise

    async def _filled(self, loaded: Loaded) -> Loaded:
        projection = loaded.projection
        if projection.damage:
            name = str(loaded.collection_id)
            log.warning("projection.damaged", collection=name, why=projection.damage)
        if projection.snapshot.position == 0:
            await self.feed.build(loaded)
        await self.feed.follow(loaded)
        loaded.profile = await self.feed.profile(loaded)
        loaded.saved = time.monotonic()
        return loaded

    async def _save(self, loaded: Loaded) -> None:
        loaded.saved = time.monotonic()
        try:
            await uninterrupted(loaded.projection.save)
        except (OSError, RuntimeError) as error:
            # A full disk, most likely: searches need none, and the database can tell it all again.
            name = str(loaded.collection_id)
            log.warning("projection.not_saved", collection=name, why=str(error))

    def _measure(self) -> None:
        held = [one.projection.snapshot for one in self._loaded.values()]
        metrics.projections.set(len(held))
        metrics.projection_chunks.set(sum(one.size for one in held))
        metrics.projection_bytes.set(sum(one.memory_bytes for one in held))
