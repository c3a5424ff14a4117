"""Decide what to look up."""

from citewell.agent.splitting import parts_of
from citewell.agent.state import State
from citewell.agent.telling import step


async def plan(state: State) -> State:
    """Divide the question into what can be looked up on its own."""
    async with step("plan") as told:
        parts = parts_of(state["question"].text)
        told.details["parts"] = len(parts)
    return State(parts=parts, looks=0, bridges=(), judgements=0)
