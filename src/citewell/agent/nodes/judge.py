"""Decide whether what was found answers the question, and with which sentences."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.agent.composition import MAX_SENTENCES, Unit, choose
from citewell.agent.confidence import ENOUGH, confidence
from citewell.agent.quoting import Asked, score_sentences
from citewell.agent.state import State
from citewell.agent.telling import step
from citewell.domain.passages import Passage
from citewell.inference.embedding import Embedder, TokenStates

READ = 8


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads the best passages sentence by sentence."""

    embedder: Embedder

    async def __call__(self, state: State) -> State:
        """Choose what to quote; none when nothing is near enough."""
        look = state["looks"]
        async with step("judge", look) as told:
            passages = state["passages"][:READ]
            parts = state["parts"]
            states = await self._states(passages)
            units: list[Unit] = []
            best = 0.0
            each = max(1, MAX_SENTENCES // len(parts)) if len(parts) > 1 else MAX_SENTENCES
            for part, terms in zip(parts, state["terms"], strict=True):
                asked = await self._asked(part, terms)
                scored = await asyncio.to_thread(score_sentences, asked, passages, states)
                sure = confidence(scored)
                best = max(best, sure)
                told.details[f"confidence_{len(told.details)}"] = round(sure, 4)
                if sure >= ENOUGH:
                    units += _new(units, choose(scored, passages, each))
        reason = "" if units else _reason(passages)
        return State(units=tuple(units), confidence=best, reason=reason)

    async def _states(self, passages: Sequence[Passage]) -> list[TokenStates]:
        states = await self.embedder.token_states([p.text for p in passages])
        return states or []

    async def _asked(self, part: str, terms: Mapping[str, float]) -> Asked:
        vector, states = await asyncio.gather(
            self.embedder.embed_query(part), self.embedder.token_states([part])
        )
        return Asked(part, vector, (states or [])[0], terms)


def _new(units: Sequence[Unit], more: Sequence[Unit]) -> list[Unit]:
    known = {(u.number, u.start, u.end) for u in units}
    return [unit for unit in more if (unit.number, unit.start, unit.end) not in known]


def _reason(passages: Sequence[Passage]) -> str:
    return "nothing_near" if passages else "nothing_found"
