"""Projections at work: loaded when first asked for, fed from the change log, evicted by memory."""

import asyncio
import time
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import numpy as np

from citewell.domain.errors import NotFoundError, TimedOutError, UnavailableError
from citewell.domain.ids import CollectionId, TenantId
from citewell.index import folders
from citewell.index.index import IndexSettings
from citewell.retrieval.loading.feed import Feed, Loaded, uninterrupted
from citewell.retrieval.loading.shelf import Shelf
from citewell.retrieval.views import Verification, View
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.collections import CHANGES_TOPIC
from citewell.telemetry.logs import logger

POLL_SECONDS = 5.0
# Changes that arrive together are applied together: a commit of the word index costs the same
# for one document as for many.
GATHER_SECONDS = 0.1
SWEEP_SECONDS = 300.0
POSITION_SECONDS = 10.0
BATCH = 200_000
LOOKS = 5

log = logger(__name__)


@dataclass(slots=True)
class Projections:
    """The projections of this process; while `run` is running, changes are seen by themselves."""

    database: Database
    notifications: Notifications
    folder: Path
    settings: IndexSettings
    memory_bytes: int
    batch: int = BATCH
    _shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is loaded yet."""
        self._shelf = Shelf(Feed(self.database, self.batch), self.folder, self.settings)

    async def view(
        self, tenant_id: TenantId, collection_id: CollectionId, *, min_position: int | None = None
    ) -> View:
        """What is searchable, at `min_position` or later; nothing is waited for when it is there.

        Loads or builds the projection when it is not there. Raises `NotFoundError`, and
        `TimedOutError` when the position is not reached in `POSITION_SECONDS`.
        """
        loaded = await self._shelf.load(tenant_id, collection_id)
        if min_position is not None and loaded.projection.snapshot.position < min_position:
            loaded = await self._reach(tenant_id, collection_id, min_position)
        loaded.used = time.monotonic()
        return View(collection_id, loaded.projection.snapshot, loaded.profile)

    async def run(self) -> None:
        """Apply changes as they are announced, and every `POLL_SECONDS` in case they were not."""
        swept = -inf
        async with self.notifications.subscribe(CHANGES_TOPIC) as subscription:
            while True:
                try:
                    if time.monotonic() - swept >= SWEEP_SECONDS:
                        await self.sweep()
                        swept = time.monotonic()
                    await self.catch_up()
                    await self._shelf.save_due()
                    await self._shelf.evict(self.memory_bytes)
                except UnavailableError:
                    log.warning("projections.waiting_for_database")
                said = await subscription.next(seconds=POLL_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
                if said is not None and may_be_deletion(said):
                    swept = -inf

    async def catch_up(self) -> None:
        """Bring every loaded projection to the head of its change log."""
        for loaded in self._shelf.all():
            try:
                async with self._shelf.hold(loaded.tenant_id, loaded.collection_id) as held:
                    await self._shelf.follow(held)
            except NotFoundError:
                await self._shelf.let_go(loaded, save=False)
                await self._remove(loaded.collection_id)

    async def sweep(self) -> None:
        """Remove the folders of collections that are gone: what they said must not outlive them.

        What another living process works in stays, for that process to remove.
        """
        # The folders first: a collection is in the database before its folder is there.
        there = await asyncio.to_thread(folders.named_by_ids, self.folder)
        async with self.database.system() as system:
            known = {collection_id for _, collection_id in await system.collections()}
        for unknown in there - known:
            await self._remove(CollectionId(unknown))

    async def close(self) -> None:
        """Save what has changed and release everything."""
        for loaded in self._shelf.all():
            await self._shelf.let_go(loaded, save=True)

    async def rebuild(self, tenant_id: TenantId, collection_id: CollectionId) -> int:
        """Make the projection anew from the database and save it; returns its size."""
        async with self._shelf.hold(tenant_id, collection_id) as loaded:
            await self._shelf.feed.renew(loaded)
            await self._shelf.follow(loaded)
            await uninterrupted(loaded.projection.save)
            return loaded.projection.snapshot.size

    async def verify(self, tenant_id: TenantId, collection_id: CollectionId) -> Verification:
        """Compare what is searchable here, by meaning and by words, with the database."""
        async with self._shelf.hold(tenant_id, collection_id) as loaded:
            for _ in range(LOOKS):
                await self._shelf.follow(loaded)
                snapshot = loaded.projection.snapshot
                async with self.database.transaction(tenant_id) as tx:
                    truth = await tx.chunks.live_keys(collection_id)
                    _, head = await tx.collections.head(collection_id)
                # What was committed between the two looks is no difference.
                if head == snapshot.position:
                    break
            sides = [snapshot.keys(), await asyncio.to_thread(snapshot.lexical.keys)]
        missing = max(len(np.setdiff1d(truth, side)) for side in sides)
        extra = max(len(np.setdiff1d(side, truth)) for side in sides)
        return Verification(snapshot.position, len(truth), missing, extra, loaded.projection.damage)

    async def _reach(
        self, tenant_id: TenantId, collection_id: CollectionId, min_position: int
    ) -> Loaded:
        try:
            async with (
                asyncio.timeout(POSITION_SECONDS),
                self._shelf.hold(tenant_id, collection_id) as loaded,
            ):
                await self._shelf.follow(loaded)
        except TimeoutError as error:
            raise TimedOutError(
                f"The index has not reached position {min_position} in {POSITION_SECONDS:g} s.",
                hint="Ask without min_position, or again in a moment.",
            ) from error
        if loaded.projection.snapshot.position < min_position:
            raise NotFoundError(f"The collection has no change number {min_position}.")
        return loaded

    async def _remove(self, collection_id: CollectionId) -> None:
        await asyncio.to_thread(folders.remove_unused, self.folder / str(collection_id))
        log.info("projection.removed", collection=str(collection_id))


def may_be_deletion(said: str) -> bool:
    """Whether a payload says that a collection was deleted, or that nobody has listened."""
    return not said or said.endswith(":-1")
