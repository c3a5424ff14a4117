"""Say what was found, or that it was not."""

from itertools import pairwise

from citewell.agent.composition import compose
from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.passages import Answer
from citewell.domain.run_events import SourcesFound, TextProduced

RELATED = 3

_NOTHING_NEAR = (
    "The documents do not answer this. I looked for “{question}” and found nothing that says it;"
    " the nearest passages are listed as related, not as an answer."
)
_NOTHING_FOUND = (
    "There is nothing to answer from: no document in the collections that were asked mentions"
    " anything of “{question}”."
)
QUESTION_SHOWN = 200


async def answer(state: State) -> State:
    """Quote the chosen units, each with its mark; without any, refuse and name what is near."""
    async with step("answer") as told:
        units, passages = state["units"], state["passages"]
        if not units:
            text = _refusal(state)
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
        tell(SourcesFound(passages))
        composed = compose(units, passages)
        for piece in _pieces(composed.text, [c.answer_end for c in composed.citations]):
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


def _refusal(state: State) -> str:
    question = " ".join(state["question"].text.split())
    if len(question) > QUESTION_SHOWN:
        question = question[: QUESTION_SHOWN - 1] + "…"
    pattern = _NOTHING_NEAR if state["passages"] else _NOTHING_FOUND
    # The question is a value, never a template.
    return pattern.replace("{question}", question)


def _pieces(text: str, ends: list[int]) -> list[str]:
    """The text cut after each quoted unit, so that it streams unit by unit."""
    cuts = [0, *ends, len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]
