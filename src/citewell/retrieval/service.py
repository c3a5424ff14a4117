"""Question to passages: embed, look by meaning and by words, fuse, join to what is live now."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from citewell.domain.errors import InvalidError, UnavailableError, UpstreamError
from citewell.domain.expected import asks_for_a_fact
from citewell.domain.ids import ChunkId, CollectionId
from citewell.domain.passages import (
    Dropped,
    Passage,
    Scores,
    SearchMode,
    SearchQuery,
    SearchResult,
)
from citewell.domain.principal import Principal, Scope
from citewell.index.index import Keys, Vector
from citewell.inference.embedding import Embedder
from citewell.retrieval import late
from citewell.retrieval.clauses import clauses_of
from citewell.retrieval.closeness import closer
from citewell.retrieval.following import Look, follow_links
from citewell.retrieval.fusion import DEPTH, Candidates
from citewell.retrieval.projections import Projections
from citewell.retrieval.scoring import Thought, score, think, weights
from citewell.retrieval.views import View
from citewell.storage.database import Database
from citewell.storage.repositories.chunks import LiveChunk
from citewell.telemetry import metrics

MAX_LIMIT = 200
# Candidates that turn out to be gone or to repeat another are made up for from these.
SPARE = 12
RERANKED = 30
RERANK_SECONDS = 2.0
EMBED_SECONDS = 20.0
OVERLAP = 0.4


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Searches one tenant's collections."""

    database: Database
    embedder: Embedder
    projections: Projections

    async def search(self, principal: Principal, query: SearchQuery) -> SearchResult:
        """The best live passages, best first.

        Nothing that was deleted before the call can be in the result, whatever the index holds.
        Without the embedder the search goes on by words and says so in `degraded`. Raises
        `InvalidError`, `NotFoundError` for a foreign collection, `TimedOutError` for a
        `min_position` that is not reached.
        """
        principal.require(Scope.SEARCH)
        _check(query)
        clock = _Clock()
        vector, views, allowed = await asyncio.gather(
            self._vector(query.text, query.mode),
            self._views(principal, query),
            self._allowed(principal, query),
        )
        whole = self._thought(query.text, vector, views, query)
        clauses = await self._clauses(query, whole, views)
        clock.lap("embed")
        depth = max(DEPTH, query.limit + SPARE)
        found = await asyncio.to_thread(score, views, whole, clauses, depth=depth, allowed=allowed)
        clock.lap("candidates")
        live = await self._live(principal, query, found)
        clock.lap("live")
        if len(views) == 1:
            fetch = partial(self.live, principal, collections=query.collections)
            look = Look(views[0], whole.asked[0], vector, fetch)
            found, live = await follow_links(look, found, live)
        terms = weights(views, whole)
        if asks_for_a_fact(query.text) and query.mode is SearchMode.HYBRID:
            found = await asyncio.to_thread(closer, found, live, terms)
        passages, dropped = _select(found, live, query)
        clock.lap("select")
        degraded = _degraded(query, vector)
        if query.rerank:
            passages, timely = await self._rerank(query.text, passages)
            degraded += () if timely else ("time_budget",)
            clock.lap("rerank")
        clock.tell()
        return SearchResult(
            passages=tuple(passages[: query.limit]),
            positions={view.collection_id: view.snapshot.position for view in views},
            milliseconds=clock.laps,
            degraded=degraded,
            dropped=dropped if query.explain else (),
            terms=terms,
        )

    async def live(
        self, principal: Principal, keys: Keys, collections: Sequence[CollectionId]
    ) -> dict[int, LiveChunk]:
        """Those of `keys` that may be shown at this moment."""
        async with self.database.transaction(principal.tenant_id) as tx:
            return await tx.chunks.live(keys.tolist(), collections)

    async def _clauses(
        self, query: SearchQuery, whole: Thought, views: Sequence[View]
    ) -> list[Thought]:
        """What the clauses of a question ask for; nothing of them is worth a failed search."""
        texts = clauses_of(query.text, whole.asked[0].language)
        vectors = await asyncio.gather(*(self._vector(text, query.mode) for text in texts))
        return [
            self._thought(text, vector, views, query)
            for text, vector in zip(texts, vectors, strict=True)
        ]

    def _thought(
        self, text: str, vector: Vector | None, views: Sequence[View], query: SearchQuery
    ) -> Thought:
        return think(text, vector, views, query.mode, self.embedder.model.languages)

    async def _vector(self, text: str, mode: SearchMode) -> Vector | None:
        if not _is_dense(mode):
            return None
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                return await self.embedder.embed_query(text)
        except (UnavailableError, UpstreamError, TimeoutError):
            return None

    async def _views(self, principal: Principal, query: SearchQuery) -> list[View]:
        return [
            await self.projections.view(
                principal.tenant_id, collection, min_position=query.min_position
            )
            for collection in query.collections
        ]

    async def _allowed(self, principal: Principal, query: SearchQuery) -> Keys | None:
        if not query.filter:
            return None
        async with self.database.transaction(principal.tenant_id) as tx:
            return await tx.chunks.matching(query.collections, query.filter)

    async def _live(
        self, principal: Principal, query: SearchQuery, found: Candidates
    ) -> dict[int, LiveChunk]:
        wanted = max(query.limit, RERANKED if query.rerank else 0) + SPARE
        order = found.order()
        live: dict[int, LiveChunk] = {}
        for start in range(0, len(order), wanted):
            keys = found.keys[order[start : start + wanted]]
            live |= await self.live(principal, keys, query.collections)
            if len(live) >= query.limit:
                break
        return live

    async def _rerank(self, text: str, passages: list[Passage]) -> tuple[list[Passage], bool]:
        head, tail = passages[:RERANKED], passages[RERANKED:]
        if len(head) < 2:
            return passages, True
        texts = [f"{p.context}\n{p.text}" for p in head]
        late_scores = await late.max_similarities(
            self.embedder, text, texts, seconds=RERANK_SECONDS
        )
        if late_scores is None:
            return passages, False
        blended = late.blend([p.scores.final for p in head], late_scores)
        floor = tail[0].scores.final if tail else 0.0
        scored = [
            replace(p, scores=replace(p.scores, late=value, final=floor + score))
            for p, value, score in zip(head, late_scores, blended, strict=True)
        ]
        return [*sorted(scored, key=lambda p: -p.scores.final), *tail], True


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


def _degraded(query: SearchQuery, vector: Vector | None) -> tuple[str, ...]:
    return ("dense_unavailable",) if vector is None and _is_dense(query.mode) else ()


def _check(query: SearchQuery) -> None:
    if not query.text.strip():
        raise InvalidError("The query is empty.", hint="Write what you are looking for.")
    if not 1 <= query.limit <= MAX_LIMIT:
        raise InvalidError(f"The limit must be between 1 and {MAX_LIMIT}.")
    if not query.collections:
        raise InvalidError("Name at least one collection to search.")


def _is_dense(mode: SearchMode) -> bool:
    return mode is not SearchMode.LEXICAL


def _select(
    found: Candidates, live: Mapping[int, LiveChunk], query: SearchQuery
) -> tuple[list[Passage], tuple[Dropped, ...]]:
    """Live passages in order, without those that mostly repeat a better one."""
    wanted = max(query.limit, RERANKED if query.rerank else 0)
    taken: list[Passage] = []
    dropped: list[Dropped] = []
    for at in found.order():
        chunk = live.get(int(found.keys[at]))
        scores = _scores(found, at)
        if chunk is None:
            continue
        if any(_repeats(chunk, other) for other in taken):
            dropped.append(Dropped(chunk.id, "overlap", scores))
        elif len(taken) < wanted:
            taken.append(_passage(chunk, scores))
        else:
            dropped.append(Dropped(ChunkId(chunk.id), "limit", scores))
    return taken, tuple(dropped)


def _repeats(chunk: LiveChunk, other: Passage) -> bool:
    if chunk.version_id != other.version_id:
        return False
    shared = min(chunk.end, other.end) - max(chunk.start, other.start)
    return shared > OVERLAP * min(chunk.end - chunk.start, other.end - other.start)


def _scores(found: Candidates, at: np.int64) -> Scores:
    return Scores(
        final=float(found.final[at]),
        cosine=float(found.whole[at]),
        window_cosine=float(found.window[at]),
        bm25=float(found.bm25[at]),
        fused=float(found.fused[at]),
        lift=float(found.final[at] - found.fused[at]),
    )


def _passage(chunk: LiveChunk, scores: Scores) -> Passage:
    return Passage(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        version_id=chunk.version_id,
        collection_id=chunk.collection_id,
        title=chunk.title,
        filename=chunk.filename,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        page_label=chunk.page_label,
        headings=chunk.headings,
        kind=chunk.kind,
        language=chunk.language,
        ordinal=chunk.ordinal,
        context=chunk.context,
        scores=scores,
        metadata=chunk.metadata,
    )
