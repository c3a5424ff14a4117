"""A language model's word on whether what was found is enough, and what to look for instead."""

from dataclasses import dataclass

from citewell.agent.calls.allowed import may_look
from citewell.agent.counsel import Counsel
from citewell.agent.looks.look import look
from citewell.agent.planning.replies import Verdict, read_verdict
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import reviewing
from citewell.agent.state import State
from citewell.agent.telling import step
from citewell.retrieval.service import Retrieval

MOST_REWRITES = 2
PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Review:
    """Looks again in other words, `MOST_REWRITES` times at most, or says what is missing.

    It opens nothing: where the judge finds nothing near, nothing is answered whatever a model says.
    """

    retrieval: Retrieval
    counsel: Counsel

    async def __call__(self, state: State) -> State:
        """Settled, or with the passages of another look."""
        verdict = await self._verdict(state)
        if not verdict.rewrite or verdict.rewrite in state["parts"]:
            return State(settled=True, missing=verdict.missing)
        if not may_look():
            return State(settled=True)
        number = state["looks"] + 1
        async with step("retrieve", number) as told:
            asked = await look(self.retrieval, state, [verdict.rewrite], limit=PASSAGES)
            more = asked.added_to(state)
            told.details["asks"] = verdict.rewrite
            told.details["passages"] = len(more["passages"])
        return State(**more, looks=number, rewrites=state["rewrites"] + 1)

    async def _verdict(self, state: State) -> Verdict:
        """Enough, where the model does not help."""
        async with step("review", state["rewrites"] + 1) as told:
            try:
                request = reviewing(state["asked"], state["passages"])
                verdict = read_verdict(await self.counsel.decide(state, "review", request))
            except NoCounselError as error:
                told.details["no_review"] = error.reason
                return Verdict(enough=True)
            told.details["enough"] = int(verdict.enough)
            if verdict.rewrite:
                told.details["rewrite"] = verdict.rewrite
            if verdict.missing:
                told.details["missing"] = verdict.missing
            return verdict


def needs_review(state: State) -> bool:
    """Whether a model has planned this and may still change what was found."""
    if "plan" not in state or state.get("settled") or not state["passages"]:
        return False
    if state["rewrites"] >= MOST_REWRITES:
        return False
    # One look that has found its answer needs no second opinion.
    return bool(state["plan"].hops) or not state["units"]
