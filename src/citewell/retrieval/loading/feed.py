"""Feeding a projection from the database: whole at first, then change by change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from citewell.domain.ids import CollectionId, SpaceId, TenantId, VersionId
from citewell.index.projection import Projection
from citewell.retrieval.links import titles_of
from citewell.retrieval.views import Profile, entry_of
from citewell.storage.database import Database
from citewell.storage.repositories.chunks import IndexEntry
from citewell.storage.repositories.collections import Change, ChangeKind
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

CHANGES = 500
PAGE = 2000

Read = Callable[[Transaction, int], Awaitable[list[IndexEntry]]]

log = logger(__name__)


@dataclass(slots=True)
class Loaded:
    """A projection in memory; whoever changes it holds `lock`, who reads it holds nothing."""

    tenant_id: TenantId
    collection_id: CollectionId
    space_id: SpaceId
    projection: Projection
    profile: Profile = field(default_factory=lambda: Profile({}, {}, titles_of({})))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    used: float = 0.0
    saved: float = 0.0
    is_whole: bool = True

    @property
    def is_dirty(self) -> bool:
        """Whether there is something to save."""
        return self.projection.saved_position != self.projection.snapshot.position


@dataclass(frozen=True, slots=True)
class Feed:
    """Brings projections, whose locks the caller holds, to the head of their change logs.

    At most `batch` entries, and a page, are in memory at once.
    """

    database: Database
    batch: int

    @property
    def page(self) -> int:
        """How many entries are read at once."""
        return min(PAGE, self.batch)

    async def follow(self, loaded: Loaded) -> bool:
        """Apply what the log holds beyond the projection's position; whether that was anything.

        A projection of another history than the log's is made anew. Raises `NotFoundError`.
        """
        changed = False
        while True:
            news = await self._news(loaded)
            if news is None:
                await self.renew(loaded)
            elif news:
                await self._apply(loaded, news)
            else:
                return changed
            changed = True

    async def renew(self, loaded: Loaded) -> None:
        """Forget everything, then take in whatever is searchable now."""
        size = loaded.projection.snapshot.size
        loaded.is_whole = False
        await uninterrupted(loaded.projection.clear)
        log.info("projection.cleared", collection=str(loaded.collection_id), chunks=size)
        await self.build(loaded)

    async def build(self, loaded: Loaded) -> None:
        """Fill an empty projection with everything that is searchable now.

        The head is read first: a change that commits while entries are read is applied again.
        """
        loaded.is_whole = False
        async with self.database.transaction(loaded.tenant_id) as tx:
            _, head = await tx.collections.head(loaded.collection_id)
            last = await tx.collections.changes(loaded.collection_id, after=head - 1, limit=1)
        mark = last[0].mark if head and last else ""

        def read(tx: Transaction, after: int) -> Awaitable[list[IndexEntry]]:
            return tx.chunks.entries(
                loaded.collection_id, loaded.space_id, after=after, limit=self.page
            )

        await self._take_in(loaded, set(), self._pages(loaded, [read]), (head, mark))
        loaded.is_whole = True

    async def profile(self, loaded: Loaded) -> Profile:
        """What the collection holds now."""
        async with self.database.transaction(loaded.tenant_id) as tx:
            rows = await tx.collections.profile(loaded.collection_id)
            titles = await tx.documents.titles([loaded.collection_id])
        languages: dict[str, int] = {}
        kinds: dict[str, int] = {}
        for language, kind, count in rows:
            languages[language] = languages.get(language, 0) + count
            kinds[kind] = kinds.get(kind, 0) + count
        return Profile(languages, kinds, await asyncio.to_thread(titles_of, titles))

    async def _news(self, loaded: Loaded) -> Sequence[Change] | None:
        """The next changes, or None when what is loaded is no earlier state of the collection."""
        if not loaded.is_whole:
            return None
        snapshot = loaded.projection.snapshot
        async with self.database.transaction(loaded.tenant_id) as tx:
            _, head = await tx.collections.head(loaded.collection_id)
            found = await tx.collections.changes(
                loaded.collection_id, after=snapshot.position - 1, limit=CHANGES
            )
        here = [change for change in found[:1] if change.number == snapshot.position]
        mark = here[0].mark if here else ""
        if head >= snapshot.position and mark == snapshot.mark:
            return found[len(here) :]
        # The database was restored: what is here never happened, even if the log has grown past it.
        log.warning("projection.other_history", collection=str(loaded.collection_id))
        return None

    async def _apply(self, loaded: Loaded, news: Sequence[Change]) -> None:
        # Once each, and what is put is removed before: nothing may be left of how it was.
        put = dict.fromkeys(c.version_id for c in news if c.kind is ChangeKind.PUT)

        def read(version: VersionId, tx: Transaction, after: int) -> Awaitable[list[IndexEntry]]:
            return tx.chunks.entries_of(version, loaded.space_id, after=after, limit=self.page)

        pages = self._pages(loaded, [partial(read, version) for version in put])
        gone = {change.version_id for change in news}
        await self._take_in(loaded, gone, pages, (news[-1].number, news[-1].mark))

    async def _pages(
        self, loaded: Loaded, reads: Sequence[Read]
    ) -> AsyncIterator[Sequence[IndexEntry]]:
        for read in reads:
            after = 0
            while True:
                async with self.database.transaction(loaded.tenant_id) as tx:
                    page = await read(tx, after)
                yield page
                if len(page) < self.page:
                    break
                after = page[-1].key

    async def _take_in(
        self,
        loaded: Loaded,
        gone: Collection[UUID],
        pages: AsyncIterator[Sequence[IndexEntry]],
        reached: tuple[int, str],
    ) -> None:
        """Remove versions, then add all entries; at the position that is reached when it is all in.

        Until then the position stays what it was: who is interrupted begins there again, which
        leaves the same, because versions are removed before their entries come.
        """
        projection = loaded.projection
        apply = partial(projection.apply, replace=False)
        before = projection.snapshot
        part = []
        async for page in pages:
            part += [entry_of(one) for one in page]
            if len(part) >= self.batch:
                await uninterrupted(apply, before.position, gone, part, mark=before.mark)
                gone, part = set(), []
        position, mark = reached
        await uninterrupted(apply, position, gone, part, mark=mark)


async def uninterrupted(work: Callable[..., Any], *given: Any, **named: Any) -> None:
    """Do blocking work in a thread; who is cancelled meanwhile waits for its end.

    A thread cannot be stopped: one that was abandoned would go on without the caller's lock.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        if error := running.exception():
            log.warning("projection.failed_when_cancelled", why=str(error))
        raise
