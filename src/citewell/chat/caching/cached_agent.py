"""Answers that were given before, given again while nothing has changed that they stand on."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from citewell.agent.desk import Desk
from citewell.chat.answering import Answerer
from citewell.chat.caching.keys import Key, is_plain, key_of
from citewell.chat.caching.local_answers import Kept, LocalAnswers
from citewell.chat.caching.nearness import Nearness
from citewell.domain.errors import NotFoundError, UnavailableError
from citewell.domain.ids import CollectionId
from citewell.domain.principal import Principal
from citewell.domain.run_events import (
    AnswerFinished,
    Question,
    RunEvent,
    SourcesFound,
    StepFinished,
    StepStarted,
    TextProduced,
)
from citewell.domain.runs.approvals import Decision
from citewell.inference.embedding import Vector
from citewell.retrieval.citations import Citations
from citewell.retrieval.projections import Projections
from citewell.storage.at_once.heads import heads, titles
from citewell.storage.database import Database
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger

STEP = "cache"
# Steps whose outcome follows from documents, question and configuration, which are all in the key.
# An answer with any other step in it, a tool's say, is not kept.
FROM_DOCUMENTS = frozenset({"plan", "retrieve", "judge", "review", "answer", "verify"})

log = logger(__name__)

Heads = Mapping[CollectionId, int]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was kept, if anything; `vector` is the question's, where one was made."""

    kept: Kept | None
    outcome: str
    cosine: float = 1.0
    vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class CachedAgent:
    """Keeps the promises of `Answerer`; asks `agent` for what it has no answer to.

    An answer is given again only to callers with the same rights in the same tenant, while no
    document of its collections has come, gone or got another version, and while every quote and
    title stands as it stood. `near` finds what was asked in other words; None: nothing does.
    """

    agent: Answerer
    database: Database
    projections: Projections
    answers: LocalAnswers
    configuration: str
    near: Nearness | None = None

    async def run(
        self, principal: Principal, question: Question, desk: Desk | None = None
    ) -> AsyncGenerator[RunEvent]:
        """The agent's events; or one step `cache`, and the sources and text that were kept."""
        began = time.perf_counter()
        now = await self._heads(principal, question)
        key = key_of(principal, question, now, self.configuration)
        found = await self._found(principal, key) if key else _Found(None, "apart")
        metrics.answers_kept.labels(found.outcome).inc()
        if found.kept is not None:
            for event in self._again(found.kept, found.cosine, began):
                yield event
            return
        is_current = key is not None and await self._is_current(principal, now)
        told: list[RunEvent] = []
        async with aclosing(self.agent.run(principal, question, desk)) as events:
            async for event in events:
                told.append(event)
                yield event
        if key is not None and is_current:
            await self._keep(principal, key, told, now, found.vector)

    def go_on(
        self, principal: Principal, decision: Decision, desk: Desk
    ) -> AsyncGenerator[RunEvent]:
        """The agent's events: what a person had a part in is kept for nobody else."""
        return self.agent.go_on(principal, decision, desk)

    async def _heads(self, principal: Principal, question: Question) -> Heads:
        if not is_plain(question):
            return {}
        return await heads(self.database.read, principal, question.collections)

    async def _found(self, principal: Principal, key: Key) -> _Found:
        kept = await self.answers.get(key)
        if kept is not None:
            return await self._checked(principal, key, _Found(kept, "hit"))
        if self.near is None:
            return _Found(None, "miss")
        vector = await self.near.vector(principal, key.text)
        beside = await self.answers.beside(key.scope)
        if vector is not None and (nearest := self.near.nearest(key.text, vector, beside)):
            other, cosine = nearest
            kept = await self.answers.get(other)
            return await self._checked(principal, other, _Found(kept, "near", cosine, vector))
        return _Found(None, "miss", vector=vector)

    async def _checked(self, principal: Principal, key: Key, found: _Found) -> _Found:
        """The same, unless a quote or title stands no more as it stood: then it is forgotten."""
        kept = found.kept
        if kept is not None and not await self._stands(principal, kept):
            await self.answers.put(key, None)
            return replace(found, kept=None, outcome="stale")
        return found

    async def _stands(self, principal: Principal, kept: Kept) -> bool:
        cited = await Citations(self.database).check(principal, kept.answer.citations)
        if not all(one.verified for one in cited):
            return False
        shown = (*kept.sources, *kept.answer.related)
        named = {one.document_id: one.title for one in shown}
        called = await titles(self.database.read, principal, named) if named else {}
        return called == named

    async def _is_current(self, principal: Principal, now: Heads) -> bool:
        """Whether a search sees all that was there when the key was made."""
        try:
            views = [
                await self.projections.view(principal.tenant_id, collection) for collection in now
            ]
        except NotFoundError:
            return False
        return all(view.snapshot.position >= now[view.collection_id] for view in views)

    async def _keep(
        self,
        principal: Principal,
        key: Key,
        told: Sequence[RunEvent],
        before: Heads,
        vector: Vector | None,
    ) -> None:
        """Keep an answer if all of it was made from what the key names."""
        kept = lasting(told, self.answers.clock())
        if kept is None:
            return
        try:
            after = await heads(self.database.read, principal, before)
        except UnavailableError:
            # The answer is given; that it could not be kept changes nothing about it.
            log.warning("answers.not_kept")
            return
        if after == before:
            await self.answers.put(key, replace(kept, vector=vector))

    def _again(self, kept: Kept, cosine: float, began: float) -> Sequence[RunEvent]:
        age = round(self.answers.clock() - kept.at, 1)
        took = round((time.perf_counter() - began) * 1000, 2)
        details = {"age_seconds": age, "cosine": round(cosine, 4)}
        events: list[RunEvent] = [StepStarted(STEP), StepFinished(STEP, took, details)]
        if kept.sources:
            events.append(SourcesFound(kept.sources))
        return [*events, TextProduced(kept.answer.text), AnswerFinished(kept.answer)]


def lasting(told: Sequence[RunEvent], now: float) -> Kept | None:
    """What may be kept of a run; None when its answer holds for its own moment only.

    That is one that left something out (`degraded`, any notice), that has a citation or sentence
    in doubt, or that something else than the documents had a part in.
    """
    if not told or not all(map(_is_from_documents, told)):
        return None
    sources = [event.passages for event in told if isinstance(event, SourcesFound)]
    last = told[-1]
    if not isinstance(last, AnswerFinished) or last.answer.degraded or last.answer.doubts:
        return None
    if not all(citation.verified for citation in last.answer.citations):
        return None
    return Kept(last.answer, sources[-1] if sources else (), now)


def _is_from_documents(event: RunEvent) -> bool:
    match event:
        case StepStarted(name) | StepFinished(name):
            return name.split("#", 1)[0] in FROM_DOCUMENTS
        case SourcesFound() | TextProduced() | AnswerFinished():
            return True
        case _:
            return False
