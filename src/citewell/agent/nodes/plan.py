"""Decide what to look up."""

from citewell.agent.follow_ups.completing import complete
from citewell.agent.follow_ups.facts import acknowledged, filled, told_back
from citewell.agent.follow_ups.recalling import recalled
from citewell.agent.splitting import parts_of
from citewell.agent.state import State
from citewell.agent.telling import step
from citewell.domain.conversations import Remembered


async def plan(state: State) -> State:
    """Divide the question into what can be looked up on its own.

    One that leans on the turns before it, or on a fact that the person wanted kept in mind, is
    completed from them first; one about the conversation itself is answered from it, and nothing is
    looked up.
    """
    async with step("plan") as told:
        asked, known = state["question"].text, state["question"].remembered
        if (said := _from_memory(asked, known)) is not None:
            told.details["from_memory"] = 1
            return State(recalled=said)
        whole = filled(complete(asked, known.turns), known.facts)
        if whole != asked:
            told.details["looked_for"] = whole
        parts = parts_of(whole)
        told.details["parts"] = len(parts)
    return State(parts=parts, looks=0, bridges=(), judgements=0)


def after_planning(state: State) -> str:
    """Look up, unless the conversation has said it all."""
    return "recall" if "recalled" in state else "retrieve"


def _from_memory(asked: str, known: Remembered) -> str | None:
    """What needs no document: an acknowledgement, facts, what was said before; None otherwise."""
    if known.noted is not None:
        return acknowledged(known.noted, asked)
    said = recalled(asked, known.turns, known.summary)
    return told_back(asked, known.facts) if said is None else said
