"""A second look for what the first one has only described: from the name that it found."""

from dataclasses import dataclass

from citewell.agent.looks.look import look
from citewell.agent.planning.names import names_for
from citewell.agent.planning.through import through
from citewell.agent.state import Hop, State
from citewell.agent.telling import step
from citewell.retrieval.service import Retrieval

MOST_BRIDGES = 2


def needs_bridge(state: State) -> bool:
    """Whether something in the question is only described, and looks are left to find it."""
    return len(state["bridges"]) < MOST_BRIDGES and bool(state["passages"]) and bool(_open(state))


@dataclass(frozen=True, slots=True)
class Bridge:
    """Without a model: the names that stand where the description would be told."""

    retrieval: Retrieval

    async def __call__(self, state: State) -> State:
        """Ask of each name what was asked of the description; nothing where no name is found."""
        hops = _hops(state)
        bridges = (*state["bridges"], hops)
        if not hops:
            # Remembered, so that it is not tried again.
            return State(bridges=(*bridges, *((),) * MOST_BRIDGES)[:MOST_BRIDGES])
        number = state["looks"] + 1
        async with step("retrieve", number) as told:
            asked = await look(self.retrieval, state, [hop.question for hop in hops])
            more = asked.added_to(state)
            told.details["bridged"] = ", ".join(hop.name for hop in hops)
            told.details["passages"] = len(more["passages"])
        return State(**more, looks=number, bridges=bridges)


def _open(state: State) -> list[str]:
    """The questions in which something is still only described: the last ones that were made."""
    if not state["bridges"]:
        return [part for part in state["parts"] if through(part)]
    return [hop.question for hop in state["bridges"][-1] if through(hop.question)]


def _hops(state: State) -> tuple[Hop, ...]:
    hops: dict[str, Hop] = {}
    for question in _open(state):
        for described in through(question):
            for candidate in names_for(described, state["passages"]):
                hop = Hop(described.thing, candidate.name, described.asked_of(candidate.name))
                hops.setdefault(hop.question, hop)
    return tuple(hops.values())
