"""Question to passages: embed, look by meaning and by words, fuse, join to what is live now."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from citewell.domain.errors import InvalidError
from citewell.domain.expected import asks_for_a_fact
from citewell.domain.ids import CollectionId
from citewell.domain.passages import (
    DENSE_UNAVAILABLE,
    SearchMode,
    SearchQuery,
    SearchResult,
)
from citewell.domain.principal import Principal, Scope
from citewell.index.index import Keys
from citewell.inference.embedding import Embedder, Span
from citewell.inference.paying import QUESTIONS, AnyEmbedder, paid_by
from citewell.inference.reranking.late_interaction import LateInteraction
from citewell.retrieval.clauses import clauses_of
from citewell.retrieval.closeness import closer
from citewell.retrieval.following import Look, follow_links
from citewell.retrieval.fusion import DEPTH, Candidates
from citewell.retrieval.gathering import together
from citewell.retrieval.meaning import Meaning, meaning_of
from citewell.retrieval.projections import Projections
from citewell.retrieval.reranking import RERANKED, Reranking
from citewell.retrieval.scoring import Thought, look_up, mean, score, think, weights
from citewell.retrieval.selection import beyond, select
from citewell.retrieval.views import View
from citewell.storage.at_once.live import LiveChunk
from citewell.storage.database import Database
from citewell.telemetry import metrics

MAX_LIMIT = 200
# Each is opened, one after the other, and read for every clause of the question.
MAX_COLLECTIONS = 100
# Candidates that turn out to be gone or to repeat another are made up for from these.
SPARE = 12


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Searches one tenant's collections; `reranking` None: by the embedder's own token states."""

    database: Database
    embedder: AnyEmbedder
    projections: Projections
    reranking: Reranking | None = None

    @property
    def reranks_every_look(self) -> bool:
        """Whether a reranker was chosen that is worth its time at the first look already."""
        return self.reranking is not None

    async def search(self, principal: Principal, query: SearchQuery) -> SearchResult:
        """The best live passages, best first.

        Nothing that was deleted before the call can be in the result, whatever the index holds.
        Without the embedder, or the budget for it, the search goes on by words and says so in
        `degraded`. Raises `InvalidError`, `NotFoundError` for a foreign collection, and
        `TimedOutError` for a `min_position` that is not reached.
        """
        principal.require(Scope.SEARCH)
        _check(query)
        query = replace(query, collections=tuple(dict.fromkeys(query.collections)))
        clock = _Clock()
        views = await self._views(principal, query)
        (whole, *clauses), allowed, degraded = await self._prepared(principal, query, views)
        clock.lap("embed")
        found = await asyncio.to_thread(
            score, views, whole, clauses, depth=_depth(query), allowed=allowed
        )
        clock.lap("candidates")
        live = await self._live(principal, query, found)
        clock.lap("live")
        if len(views) == 1:
            fetch = partial(self._allowed_live, principal, query, allowed)
            found, live = await follow_links(
                Look(views[0], whole.asked[0], whole.vector, fetch), found, live
            )
        terms = weights(views, whole)
        if asks_for_a_fact(query.text) and query.mode is SearchMode.HYBRID:
            found = await asyncio.to_thread(closer, found, live, terms)
        passages, dropped = select(found, live, _wanted(query), explain=query.explain)
        clock.lap("select")
        if query.rerank:
            ordering = self._reranking(principal).order(principal.tenant_id, query.text, passages)
            passages, missed = await ordering
            degraded += tuple(one for one in missed if one not in degraded)
            clock.lap("rerank")
        clock.tell()
        return SearchResult(
            passages=tuple(passages[: query.limit]),
            positions={view.collection_id: view.snapshot.position for view in views},
            milliseconds=clock.laps,
            degraded=degraded,
            dropped=(*beyond(passages, query.limit), *dropped) if query.explain else (),
            terms=terms,
        )

    async def close(self) -> None:
        """Let go of the reranker that was given; may be called twice."""
        if self.reranking is not None:
            await self.reranking.reranker.close()

    async def _prepared(
        self, principal: Principal, query: SearchQuery, views: Sequence[View]
    ) -> tuple[list[Thought], Keys | None, tuple[str, ...]]:
        """The question and its clauses with their vectors, what the filter allows, what is missing.

        The last is as `degraded` tells it.
        """
        trained_for = self.embedder.model.languages
        whole = think(query.text, views, trained_for)
        clauses = clauses_of(query.text, whole.asked[0].language)
        parts = (think(query.text[start:end], views, trained_for) for start, end in clauses)
        async with together() as group:
            thinking = group.create_task(self._meaning(principal, query, clauses))
            looked_up = group.create_task(self._look_up(principal, query, views, [whole, *parts]))
        (thoughts, allowed), meaning = looked_up.result(), thinking.result()
        found = [
            mean(thought, vector, query.mode)
            for thought, vector in zip(thoughts, meaning.vectors, strict=True)
        ]
        return found, allowed, (meaning.missing,) if meaning.missing else ()

    async def _look_up(
        self,
        principal: Principal,
        query: SearchQuery,
        views: Sequence[View],
        thoughts: list[Thought],
    ) -> tuple[list[Thought], Keys | None]:
        """What the filter allows, and what words propose of that."""
        allowed = await self._allowed(principal, query)
        if query.mode is not SearchMode.DENSE:
            thoughts = await asyncio.to_thread(
                look_up, views, thoughts, depth=_depth(query), allowed=allowed
            )
        return thoughts, allowed

    async def live(
        self, principal: Principal, keys: Keys, collections: Sequence[CollectionId]
    ) -> dict[int, LiveChunk]:
        """Those of `keys` that may be shown at this moment."""
        return await self.database.live(principal, keys.tolist(), collections)

    async def _meaning(
        self, principal: Principal, query: SearchQuery, clauses: Sequence[Span]
    ) -> Meaning:
        if query.mode is SearchMode.LEXICAL:
            return Meaning([None] * (1 + len(clauses)))
        return await meaning_of(self._embedder(principal), query.text, clauses)

    def _embedder(self, principal: Principal) -> Embedder:
        return paid_by(principal.tenant_id, self.embedder, QUESTIONS)

    async def _views(self, principal: Principal, query: SearchQuery) -> list[View]:
        return [
            await self.projections.view(
                principal.tenant_id, collection, min_position=query.min_position
            )
            for collection in query.collections
        ]

    async def _allowed(self, principal: Principal, query: SearchQuery) -> Keys | None:
        if not (query.filter or query.without):
            return None
        async with self.database.transaction(principal) as tx:
            return await tx.chunks.matching(query.collections, query.filter, without=query.without)

    async def _live(
        self, principal: Principal, query: SearchQuery, found: Candidates
    ) -> dict[int, LiveChunk]:
        order = found.order()
        # An explanation is about every candidate, a result only about the best.
        wanted = max(1, len(order)) if query.explain else _wanted(query) + SPARE
        live: dict[int, LiveChunk] = {}
        for start in range(0, len(order), wanted):
            keys = found.keys[order[start : start + wanted]]
            live |= await self.live(principal, keys, query.collections)
            if len(live) >= query.limit:
                break
        return live

    async def _allowed_live(
        self, principal: Principal, query: SearchQuery, allowed: Keys | None, keys: Keys
    ) -> dict[int, LiveChunk]:
        """Links lead to documents that the filter has not seen."""
        if allowed is not None:
            keys = keys[np.isin(keys, allowed)]
        return await self.live(principal, keys, query.collections)

    def _reranking(self, principal: Principal) -> Reranking:
        if self.reranking is not None:
            return self.reranking
        return Reranking(LateInteraction(self._embedder(principal)), missing=DENSE_UNAVAILABLE)


@dataclass(slots=True)
class _Clock:
    began: float = field(default_factory=time.perf_counter)
    laps: dict[str, float] = field(default_factory=dict)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self.began) * 1000, 3)
        self.began = now

    def tell(self) -> None:
        for stage, milliseconds in self.laps.items():
            metrics.search_seconds.labels(stage).observe(milliseconds / 1000)


def _check(query: SearchQuery) -> None:
    if not query.text.strip():
        raise InvalidError("The query is empty.", hint="Write what you are looking for.")
    if not 1 <= query.limit <= MAX_LIMIT:
        raise InvalidError(f"The limit must be between 1 and {MAX_LIMIT}.")
    if not query.collections:
        raise InvalidError("Name at least one collection to search.")
    if len(query.collections) > MAX_COLLECTIONS:
        raise InvalidError(f"At most {MAX_COLLECTIONS} collections can be searched at once.")


def _wanted(query: SearchQuery) -> int:
    return max(query.limit, RERANKED if query.rerank else 0)


def _depth(query: SearchQuery) -> int:
    return max(DEPTH, query.limit + SPARE)
