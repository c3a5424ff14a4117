"""Decide what to look up."""

from citewell.agent.follow_ups.completing import complete
from citewell.agent.follow_ups.recalling import recalled
from citewell.agent.splitting import parts_of
from citewell.agent.state import State
from citewell.agent.telling import step


async def plan(state: State) -> State:
    """Divide the question into what can be looked up on its own.

    One that leans on the turns before it is completed from them first; one about the conversation
    itself is answered from it, and nothing is looked up.
    """
    async with step("plan") as told:
        asked, turns = state["question"].text, state["question"].remembered.turns
        if (said := recalled(asked, turns)) is not None:
            told.details["from_conversation"] = 1
            return State(recalled=said)
        whole = complete(asked, turns)
        if whole != asked:
            told.details["looked_for"] = whole
        parts = parts_of(whole)
        told.details["parts"] = len(parts)
    return State(parts=parts, looks=0, bridges=(), judgements=0)


def after_planning(state: State) -> str:
    """Look up, unless the conversation has said it all."""
    return "recall" if "recalled" in state else "retrieve"
