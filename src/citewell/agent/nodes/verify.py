"""Check every footnote against the stored text before anybody relies on it."""

from dataclasses import dataclass, replace

from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.passages import Citation, Doubt, DoubtReason
from citewell.domain.run_events import AnswerFinished
from citewell.retrieval.citations import Citations


@dataclass(frozen=True, slots=True)
class Verify:
    """A citation that does not hold is marked, never dropped: the reader must see it."""

    citations: Citations

    async def __call__(self, state: State) -> State:
        """Mark each citation and count the share of the answer that is grounded."""
        async with step("verify") as told:
            answer = state["answer"]
            checked = await self.citations.check(state["principal"], answer.citations)
            if answer.citations:
                held = sum(citation.verified for citation in checked)
                doubts = tuple(_changed(one) for one in checked if not one.verified)
                answer = replace(
                    answer, citations=checked, doubts=doubts, grounded=held / len(checked)
                )
                told.details["verified"] = held
        tell(AnswerFinished(answer))
        return State(answer=answer)


def _changed(citation: Citation) -> Doubt:
    reason = DoubtReason.QUOTE_CHANGED
    return Doubt(citation.answer_start, citation.answer_end, reason, citation.number)
