"""Say what was found, or that it was not."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from citewell.agent.bounds.spending import spending
from citewell.agent.composition import compose
from citewell.agent.state import State
from citewell.agent.telling import Step, note_use, step, tell
from citewell.agent.wording import wording
from citewell.agent.writing.choosing import crowding, mixed
from citewell.agent.writing.drafting import Drafting
from citewell.agent.writing.manner import Manner
from citewell.domain.allowances import Amount
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
from citewell.domain.passages import (
    BUDGET_EXCEEDED,
    CUT_OFF,
    MODEL_UNAVAILABLE,
    Answer,
    Passage,
    SearchQuery,
)
from citewell.domain.run_events import Noticed, SourcesFound, TextProduced
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.question import language_of
from citewell.retrieval.service import Retrieval

RELATED = 3
# Looked at where one document crowds a prompt; the best of these may be of one document as well.
OTHERS = 40
NOT_IN_DOCUMENTS = "not_in_documents"


async def answer(state: State) -> State:
    """Quote the chosen units, each with its mark; without any, refuse and name what is near."""
    async with step("answer") as told:
        return quoted(state, told) if state["units"] else refused(state)


@dataclass(frozen=True, slots=True)
class Write:
    """Has a language model write from the passages; what it cannot do is quoted instead.

    With nothing near, no model is asked. Where one document would have more than its share of what
    the model reads, passages of others are looked for.
    """

    writer: PaidChat
    manner: Manner
    retrieval: Retrieval

    async def __call__(self, state: State) -> State:
        """Tell the sources, then the text as it comes."""
        async with step("answer") as told:
            if not state["units"]:
                return refused(state)
            passages = await self._mixed(state)
            drafting = Drafting.of(self.writer, self.manner, state["question"], passages)
            told.details["prompt"] = self.manner.variant.value
            told.details["prompt_sha256"] = drafting.prompt.sha256
            tell(SourcesFound(drafting.passages))
            try:
                return await _written(drafting, state)
            except BudgetExceededError:
                missing = BUDGET_EXCEEDED
            except (UnavailableError, UpstreamError):
                missing = MODEL_UNAVAILABLE
            tell(Noticed("budget" if missing == BUDGET_EXCEEDED else "degraded", missing))
            instead: State = {**state, "degraded": _more(state["degraded"], missing)}
            # What the model has said already is taken back as a whole, when the answer is finished.
            return quoted(instead, told, silent=bool(drafting.said))

    async def _mixed(self, state: State) -> tuple[Passage, ...]:
        passages, question = state["passages"], state["question"]
        loud = crowding(passages)
        if not loud:
            return passages
        query = SearchQuery(state["asked"], question.collections, OTHERS, without=loud)
        found = await self.retrieval.search(state["principal"], query)
        known = {one.chunk_id for one in passages}
        return mixed(passages, [one for one in found.passages if one.chunk_id not in known])


async def _written(drafting: Drafting, state: State) -> State:
    """The answer as the model wrote it. Raises what `Drafting.write` raises."""
    question, degraded = state["question"], state["degraded"]
    async with aclosing(drafting.write(state["principal"], question)) as pieces:
        async for text in pieces:
            tell(TextProduced(text))
    if drafting.used is not None:
        # Always allowed: what looks and decides has left enough for it.
        note_use(drafting.used)
        tokens = drafting.used.tokens_in + drafting.used.tokens_out
        spending().note_call(Amount(tokens, drafting.used.money or Decimal(0)))
    draft = drafting.draft()
    if draft.admits_all and not draft.text.strip():
        draft = replace(draft, text=wording(language_of(question.text)).not_said)
        tell(TextProduced(draft.text))
    if not draft.text.strip():
        raise UpstreamError("The model has written nothing.", hint="Ask again.")
    if drafting.is_cut_off:
        degraded = _more(degraded, CUT_OFF)
        tell(Noticed("degraded", CUT_OFF))
    said = Answer(
        text=draft.text,
        citations=(),
        grounded=0.0,
        answered=not draft.admits_all,
        reason=NOT_IN_DOCUMENTS if draft.admits_all else "",
        related=draft.passages[:RELATED] if draft.admits_all else (),
        confidence=state["confidence"],
        degraded=degraded,
    )
    return State(answer=said, draft=draft)


def _more(degraded: tuple[str, ...], missing: str) -> tuple[str, ...]:
    return tuple(sorted({*degraded, missing}))


def quoted(state: State, told: Step, *, silent: bool = False) -> State:
    """The chosen units in their own words; `silent` leaves it to the end to say them."""
    units, passages = state["units"], state["passages"]
    tell(SourcesFound(passages))
    composed = compose(units, passages)
    for piece in _pieces(composed.text, [c.answer_end for c in composed.citations]):
        if not silent:
            tell(TextProduced(piece))
    told.details["sentences"] = len(units)
    return State(
        answer=Answer(
            text=composed.text,
            citations=composed.citations,
            grounded=0.0,
            answered=True,
            confidence=state["confidence"],
            degraded=state["degraded"],
        )
    )


def refused(state: State) -> State:
    """That the documents do not say it, in the language of the question."""
    question, passages = state["question"].text, state["passages"]
    words = wording(language_of(question))
    pattern = words.nothing_near if passages else words.nothing_found
    text = words.about(pattern, question)
    if missing := state.get("missing"):
        text = f"{text}\n\n{missing}"
    tell(TextProduced(text))
    return State(
        answer=Answer(
            text=text,
            citations=(),
            grounded=1.0,
            answered=False,
            reason=state["reason"],
            related=passages[:RELATED],
            confidence=state["confidence"],
            degraded=state["degraded"],
        )
    )


def _pieces(text: str, ends: list[int]) -> list[str]:
    """The text cut after each quoted unit, so that it streams unit by unit."""
    cuts = [0, *ends, len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]
