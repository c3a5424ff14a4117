"""Decide whether what was found answers the question, and with which sentences."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.agent.composition import MAX_SENTENCES, Unit, choose
from citewell.agent.confidence import ENOUGH, confidence
from citewell.agent.quoting import score_sentences
from citewell.agent.reading import read
from citewell.agent.state import State
from citewell.agent.telling import step
from citewell.domain.passages import Passage
from citewell.inference.embedding import Embedder

READ = 8


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads the best passages sentence by sentence."""

    embedder: Embedder

    async def __call__(self, state: State) -> State:
        """Choose what to quote; none when nothing is near enough."""
        async with step("judge", state["looks"]) as told:
            passages, parts = state["passages"][:READ], state["parts"]
            units: list[Unit] = []
            best = 0.0
            each = max(1, MAX_SENTENCES // len(parts))
            for number, (part, terms) in enumerate(zip(parts, state["terms"], strict=True)):
                sure, chosen = await self._part(part, terms, passages, each)
                told.details[f"confidence_{number}"] = round(sure, 4)
                best = max(best, sure)
                units += [unit for unit in chosen if unit not in units]
        reason = "" if units else "nothing_near" if passages else "nothing_found"
        return State(units=tuple(units), confidence=best, reason=reason)

    async def _part(
        self, part: str, terms: Mapping[str, float], passages: Sequence[Passage], most: int
    ) -> tuple[float, list[Unit]]:
        """How sure we are of this part's answer, and the units to quote when we are."""
        near = await read(self.embedder, part, list(terms), passages)
        scored = await asyncio.to_thread(score_sentences, part, terms, passages, near)
        languages = self.embedder.model.languages
        spoken = passages[scored[0].passage].language if scored else ""
        known = not languages or not spoken or spoken in languages
        sure = confidence(scored, has_matches=near.has_matches, knows_language=known)
        return sure, choose(scored, passages, most) if sure >= ENOUGH else []
