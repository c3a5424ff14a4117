"""Decide whether what was found answers the question, and with which sentences."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.asked import Asked, Judged, asked_of, units_of
from citewell.agent.composition import MAX_SENTENCES, choose
from citewell.agent.confidence import ENOUGH, confidence
from citewell.agent.quoting import score_sentences
from citewell.agent.reading import Read, read, read_words
from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.passages import BUDGET_EXCEEDED, DENSE_UNAVAILABLE, Passage
from citewell.domain.run_events import Noticed
from citewell.inference.embedding import Embedder
from citewell.inference.paying import QUESTIONS, AnyEmbedder, paid_by
from citewell.retrieval.meaning import WITHOUT_MEANING, why_missing

READ = 8
READ_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads the best passages sentence by sentence; without the embedder, by words alone."""

    embedder: AnyEmbedder

    async def __call__(self, state: State) -> State:
        """Choose what to quote; none when nothing is near enough, or no word was asked."""
        judgement = state["judgements"] + 1
        async with step("judge", judgement) as told:
            passages, parts = state["passages"][:READ], asked_of(state)
            judged: list[Judged] = []
            each = max(1, MAX_SENTENCES // sum(one.about is None for one in parts))
            embedder = paid_by(state["principal"].tenant_id, self.embedder, QUESTIONS)
            for number, part in enumerate(parts):
                found = await _part(embedder, part, passages, each)
                told.details[f"confidence_{number}"] = round(found.sure, 4)
                judged.append(found)
        units = units_of(judged)
        reason = "" if units else "nothing_near" if passages else "nothing_found"
        best = max(one.sure for one in judged)
        degraded = _degraded(state["degraded"], judged)
        return State(
            units=units,
            confidence=best,
            reason=reason,
            degraded=degraded,
            judgements=judgement,
        )


async def _part(embedder: Embedder, asked: Asked, passages: Sequence[Passage], most: int) -> Judged:
    if not asked.terms:
        return Judged(0.0)
    near, missing = await _read(embedder, asked.part, list(asked.terms), passages)
    scored = await asyncio.to_thread(score_sentences, asked.part, asked.terms, passages, near)
    scored = asked.fitting(scored, passages)
    languages = embedder.model.languages
    spoken = passages[scored[0].passage].language if scored else ""
    known = not languages or not spoken or spoken in languages
    sure = confidence(scored, has_matches=near.has_matches, has_meaning=known and near.has_meaning)
    if sure < ENOUGH:
        return Judged(sure, missing=missing, behind=asked.about is not None)
    names = choose(asked.naming(scored, passages), passages, 1)
    chosen = choose(scored, passages, 1 if asked.about else most)
    return Judged(sure, chosen, names, missing, behind=asked.about is not None)


async def _read(
    embedder: Embedder, part: str, terms: Sequence[str], passages: Sequence[Passage]
) -> tuple[Read, str]:
    """The passages as they could be read, and what was missing for it."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await read(embedder, part, terms, passages), ""
    except WITHOUT_MEANING as error:
        return read_words(passages), why_missing(error)


def _degraded(known: tuple[str, ...], judged: Sequence[Judged]) -> tuple[str, ...]:
    """What was left out so far, and what judging had to leave out, which is told once."""
    missing = {one.missing for one in judged if one.missing}
    if not missing or {DENSE_UNAVAILABLE, BUDGET_EXCEEDED} & set(known):
        return known
    for reason in sorted(missing):
        tell(Noticed("degraded", reason))
    return tuple(sorted((*known, *missing)))
