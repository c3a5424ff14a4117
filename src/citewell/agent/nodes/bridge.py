"""A second look for what the first one has only described: from the name that it found."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.nodes.retrieve import joined
from citewell.agent.planning.names import names_for
from citewell.agent.planning.through import through
from citewell.agent.state import Hop, State
from citewell.agent.telling import step, tell
from citewell.domain.passages import SearchQuery, SearchResult
from citewell.domain.run_events import Noticed
from citewell.retrieval.gathering import together
from citewell.retrieval.service import Retrieval

MOST_BRIDGES = 2
# Of each name: what is asked of it stands in its own document, or beside its name.
PASSAGES = 4


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
        look = state["looks"] + 1
        async with step("retrieve", look) as told:
            results = await self._searched(state, hops)
            passages = joined([SearchResult(state["passages"], {}, {}), *results])
            told.details["bridged"] = ", ".join(hop.name for hop in hops)
            told.details["passages"] = len(passages)
        return State(
            looks=look,
            bridges=bridges,
            passages=passages,
            parts=(*state["parts"], *(hop.question for hop in hops)),
            terms=(*state["terms"], *(dict(result.terms) for result in results)),
            degraded=_degraded(state["degraded"], results),
        )

    async def _searched(self, state: State, hops: Sequence[Hop]) -> list[SearchResult]:
        collections = state["question"].collections
        async with together() as group:
            searches = [
                group.create_task(
                    self.retrieval.search(
                        state["principal"], SearchQuery(hop.question, collections, limit=PASSAGES)
                    )
                )
                for hop in hops
            ]
        return [search.result() for search in searches]


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


def _degraded(known: tuple[str, ...], results: Sequence[SearchResult]) -> tuple[str, ...]:
    found = {reason for result in results for reason in result.degraded} - set(known)
    for reason in sorted(found):
        tell(Noticed("degraded", reason))
    return tuple(sorted({*known, *found}))
