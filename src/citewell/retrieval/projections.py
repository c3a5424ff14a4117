"""Projections at work: loaded when first asked for, fed from the change log, evicted by memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from citewell.domain.errors import NotFoundError, TimedOutError, UnavailableError
from citewell.domain.ids import CollectionId, SpaceId, TenantId
from citewell.index.index import Entry, IndexSettings
from citewell.index.projection import Projection
from citewell.retrieval.links import titles_of
from citewell.retrieval.views import Profile, Verification, View, entry_of
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.collections import CHANGES_TOPIC, Change, ChangeKind
from citewell.telemetry.logs import logger

POLL_SECONDS = 5.0
# Changes that arrive together are applied together: a commit of the word index costs the same
# for one document as for many.
GATHER_SECONDS = 0.1
SAVE_SECONDS = 30.0
POSITION_SECONDS = 10.0
CHANGES = 500
PAGE = 2000
BUILD_ENTRIES = 200_000

log = logger(__name__)


@dataclass(slots=True)
class _Loaded:
    tenant_id: TenantId
    space_id: SpaceId
    projection: Projection
    profile: Profile
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    used: float = 0.0
    saved: float = 0.0


@dataclass(slots=True)
class Projections:
    """The projections of this process; while `run` is running, changes are seen by themselves."""

    database: Database
    notifications: Notifications
    folder: Path
    settings: IndexSettings
    memory_bytes: int
    _loaded: dict[CollectionId, _Loaded] = field(default_factory=dict)
    _loading: dict[CollectionId, asyncio.Lock] = field(default_factory=dict)

    async def view(
        self, tenant_id: TenantId, collection_id: CollectionId, *, min_position: int | None = None
    ) -> View:
        """What is searchable, at `min_position` or later.

        Loads or builds the projection when it is not there. Raises `NotFoundError`, and
        `TimedOutError` when the position is not reached in `POSITION_SECONDS`.
        """
        loaded = await self._load(tenant_id, collection_id)
        loaded.used = time.monotonic()
        if min_position is not None and loaded.projection.snapshot.position < min_position:
            await self._reach(collection_id, loaded, min_position)
        return View(collection_id, loaded.projection.snapshot, loaded.profile)

    async def run(self) -> None:
        """Apply changes as they are announced, and every `POLL_SECONDS` in case they were not."""
        async with self.notifications.subscribe(CHANGES_TOPIC) as subscription:
            while True:
                await subscription.next(seconds=POLL_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
                try:
                    await self.catch_up()
                    await self._save_due()
                    await self._evict()
                except UnavailableError:
                    log.warning("projections.waiting_for_database")

    async def catch_up(self) -> None:
        """Bring every loaded projection to the head of its change log."""
        for collection_id, loaded in list(self._loaded.items()):
            try:
                await self._apply(collection_id, loaded)
            except NotFoundError:
                await self._unload(collection_id, save=False)

    async def close(self) -> None:
        """Save what has changed and release everything."""
        for collection_id in list(self._loaded):
            await self._unload(collection_id, save=True)

    async def rebuild(self, tenant_id: TenantId, collection_id: CollectionId) -> int:
        """Make the projection anew from the database and save it; returns its size."""
        loaded = await self._load(tenant_id, collection_id)
        async with self._locked(loaded):
            keys = loaded.projection.snapshot.keys()
            await asyncio.to_thread(loaded.projection.clear)
            log.info("projection.cleared", collection=str(collection_id), chunks=len(keys))
            await self._build(collection_id, loaded)
            await asyncio.to_thread(loaded.projection.save)
        return loaded.projection.snapshot.size

    async def verify(self, tenant_id: TenantId, collection_id: CollectionId) -> Verification:
        """Compare what is searchable here, by meaning and by words, with the database."""
        loaded = await self._load(tenant_id, collection_id)
        await self._apply(collection_id, loaded)
        async with self._locked(loaded), self.database.transaction(tenant_id) as tx:
            truth = await tx.chunks.live_keys(collection_id)
            snapshot = loaded.projection.snapshot
            sides = [snapshot.keys(), await asyncio.to_thread(snapshot.lexical.keys)]
        missing = max(len(np.setdiff1d(truth, side)) for side in sides)
        extra = max(len(np.setdiff1d(side, truth)) for side in sides)
        return Verification(snapshot.position, len(truth), missing, extra, loaded.projection.damage)

    async def _load(self, tenant_id: TenantId, collection_id: CollectionId) -> _Loaded:
        loaded = self._loaded.get(collection_id)
        if loaded is not None and loaded.tenant_id == tenant_id:
            return loaded
        async with self._loading.setdefault(collection_id, asyncio.Lock()):
            if collection_id not in self._loaded:
                self._loaded[collection_id] = await self._open(tenant_id, collection_id)
        found = self._loaded[collection_id]
        if found.tenant_id != tenant_id:
            raise NotFoundError(f"No collection {collection_id}.")
        return found

    async def _open(self, tenant_id: TenantId, collection_id: CollectionId) -> _Loaded:
        async with self.database.transaction(tenant_id) as tx:
            space_id, head = await tx.collections.head(collection_id)
        folder = self.folder / str(collection_id) / str(space_id)
        projection = await asyncio.to_thread(Projection.open, folder, self.settings)
        if projection.damage:
            log.warning("projection.damaged", collection=str(collection_id), why=projection.damage)
        profile = Profile({}, {}, titles_of({}))
        loaded = _Loaded(tenant_id, space_id, projection, profile, saved=time.monotonic())
        if projection.snapshot.position > head:
            # The database was restored to an earlier state: what is on disk never happened.
            await asyncio.to_thread(projection.clear)
        if projection.snapshot.position == 0:
            await self._build(collection_id, loaded)
        await self._apply(collection_id, loaded, always=True)
        return loaded

    async def _build(self, collection_id: CollectionId, loaded: _Loaded) -> None:
        """Everything that is searchable now, from the database.

        The head is read first: a change that commits while entries are read is applied again.
        """
        async with self.database.transaction(loaded.tenant_id) as tx:
            _, head = await tx.collections.head(collection_id)
        after = 0
        while True:
            entries: list[Entry] = []
            while len(entries) < BUILD_ENTRIES:
                async with self.database.transaction(loaded.tenant_id) as tx:
                    page = await tx.chunks.entries(
                        collection_id, loaded.space_id, after=after, limit=PAGE
                    )
                entries += [entry_of(one) for one in page]
                if not page:
                    break
                after = page[-1].key
            await asyncio.to_thread(loaded.projection.apply, head, [], entries)
            if len(entries) < BUILD_ENTRIES:
                return

    async def _apply(
        self, collection_id: CollectionId, loaded: _Loaded, *, always: bool = False
    ) -> None:
        """Apply what the change log holds beyond the projection's position."""
        async with self._locked(loaded):
            changed = always
            while True:
                position = loaded.projection.snapshot.position
                async with self.database.transaction(loaded.tenant_id) as tx:
                    await tx.collections.head(collection_id)
                    changes = await tx.collections.changes(
                        collection_id, after=position, limit=CHANGES
                    )
                if not changes:
                    break
                changed = True
                entries = await self._entries_of(loaded, changes)
                gone = {c.version_id for c in changes if c.kind is ChangeKind.REMOVE}
                last = changes[-1].number
                await asyncio.to_thread(loaded.projection.apply, last, gone, entries)
            if changed:
                loaded.profile = await self._profile(loaded.tenant_id, collection_id)

    async def _entries_of(self, loaded: _Loaded, changes: Sequence[Change]) -> list[Entry]:
        entries: list[Entry] = []
        for change in changes:
            if change.kind is not ChangeKind.PUT:
                continue
            after = 0
            while True:
                async with self.database.transaction(loaded.tenant_id) as tx:
                    page = await tx.chunks.entries_of(
                        change.version_id, loaded.space_id, after=after, limit=PAGE
                    )
                entries += [entry_of(one) for one in page]
                if len(page) < PAGE:
                    break
                after = page[-1].key
        return entries

    async def _profile(self, tenant_id: TenantId, collection_id: CollectionId) -> Profile:
        async with self.database.transaction(tenant_id) as tx:
            rows = await tx.collections.profile(collection_id)
            titles = await tx.documents.titles([collection_id])
        languages: dict[str, int] = {}
        kinds: dict[str, int] = {}
        for language, kind, count in rows:
            languages[language] = languages.get(language, 0) + count
            kinds[kind] = kinds.get(kind, 0) + count
        return Profile(languages, kinds, await asyncio.to_thread(titles_of, titles))

    async def _reach(self, collection_id: CollectionId, loaded: _Loaded, min_position: int) -> None:
        try:
            async with asyncio.timeout(POSITION_SECONDS):
                await self._apply(collection_id, loaded)
        except TimeoutError as error:
            raise TimedOutError(
                f"The index has not reached position {min_position} in {POSITION_SECONDS:g} s.",
                hint="Ask without min_position, or again in a moment.",
            ) from error
        if loaded.projection.snapshot.position < min_position:
            raise NotFoundError(f"The collection has no change number {min_position}.")

    async def _save_due(self) -> None:
        now = time.monotonic()
        for loaded in self._loaded.values():
            projection = loaded.projection
            dirty = projection.saved_position != projection.snapshot.position
            if dirty and now - loaded.saved > SAVE_SECONDS:
                async with self._locked(loaded):
                    await asyncio.to_thread(projection.save)
                loaded.saved = now

    async def _evict(self) -> None:
        used = {c: v.projection.snapshot.memory_bytes for c, v in self._loaded.items()}
        total = sum(used.values())
        for collection_id in sorted(used, key=lambda c: self._loaded[c].used):
            if total <= self.memory_bytes or len(self._loaded) <= 1:
                return
            total -= used[collection_id]
            await self._unload(collection_id, save=True)

    async def _unload(self, collection_id: CollectionId, *, save: bool) -> None:
        loaded = self._loaded.pop(collection_id, None)
        if loaded is None:
            return
        async with self._locked(loaded):
            projection = loaded.projection
            if save and projection.saved_position != projection.snapshot.position:
                await asyncio.to_thread(projection.save)
            await asyncio.to_thread(projection.close)

    @asynccontextmanager
    async def _locked(self, loaded: _Loaded) -> AsyncIterator[None]:
        """One writer per projection; a thread that is applying is waited for, never abandoned."""
        async with loaded.lock:
            yield
