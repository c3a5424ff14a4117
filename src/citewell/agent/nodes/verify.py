"""Check every footnote against the stored text before anybody relies on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.agent.writing.drafting import Draft
from citewell.agent.writing.second_look import SecondLook
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
from citewell.domain.passages import JUDGE_UNAVAILABLE, Answer, Citation, Doubt, DoubtReason
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, Noticed
from citewell.inference.paying import QUESTIONS, AnyEmbedder, paid_by
from citewell.retrieval.citations import Citations
from citewell.retrieval.grounding.service import Grounding


@dataclass(frozen=True, slots=True)
class Verify:
    """A citation that does not hold is marked, never dropped: the reader must see it."""

    citations: Citations
    embedder: AnyEmbedder
    second_look: SecondLook | None = None

    async def __call__(self, state: State) -> State:
        """Mark each citation and count the share of the answer that is grounded."""
        async with step("verify") as told:
            answer, draft = state["answer"], state.get("draft")
            if draft is not None:
                answer = await self._written(answer, draft, state)
                told.details["doubts"] = len(answer.doubts)
            elif answer.citations:
                answer = await self._quoted(answer, state["principal"])
            if answer.citations:
                told.details["verified"] = sum(one.verified for one in answer.citations)
        tell(AnswerFinished(answer))
        return State(answer=answer)

    async def _quoted(self, answer: Answer, principal: Principal) -> Answer:
        checked = await self.citations.check(principal, answer.citations)
        held = sum(citation.verified for citation in checked)
        return replace(
            answer,
            citations=checked,
            doubts=tuple(_changed(one) for one in checked if not one.verified),
            grounded=held / len(checked),
        )

    async def _written(self, answer: Answer, draft: Draft, state: State) -> Answer:
        """Every sentence against what it cites, then every quote against the document."""
        asked = " ".join((state["question"].text, *state["parts"]))
        embedder = paid_by(state["principal"].tenant_id, self.embedder, QUESTIONS)
        found = await Grounding(embedder).check(
            draft.text, draft.passages, asked=asked, admissions=draft.admissions
        )
        stored = await self.citations.check(state["principal"], found.citations)
        pairs = list(zip(found.citations, stored, strict=True))
        gone = [said for said, there in pairs if not there.verified]
        held = found.held - _left_without(found.citations, gone)
        citations = tuple(
            replace(said, verified=said.verified and there.verified) for said, there in pairs
        )
        more = await self._doubted_again(draft.text, citations, state)
        doubted = {doubt.start for doubt in more}
        return replace(
            answer,
            citations=tuple(
                replace(one, verified=one.verified and one.answer_start not in doubted)
                for one in citations
            ),
            doubts=(*found.doubts, *map(_changed, gone), *more),
            grounded=(held - len(more)) / found.needed if found.needed else 1.0,
        )

    async def _doubted_again(
        self, text: str, citations: Sequence[Citation], state: State
    ) -> list[Doubt]:
        """What a model doubts that looks again, if one does."""
        if self.second_look is None:
            return []
        try:
            return await self.second_look.doubts(
                state["principal"], state["question"], text, citations
            )
        except (BudgetExceededError, UnavailableError, UpstreamError):
            tell(Noticed("degraded", JUDGE_UNAVAILABLE))
            return []


def _left_without(citations: Sequence[Citation], gone: Sequence[Citation]) -> int:
    """How many sentences held by nothing but quotes that are gone."""
    held = {one.answer_start for one in citations if one.verified}
    left = {one.answer_start for one in citations if one.verified and one not in gone}
    return len(held - left)


def _changed(citation: Citation) -> Doubt:
    reason = DoubtReason.QUOTE_CHANGED
    return Doubt(citation.answer_start, citation.answer_end, reason, citation.number)
