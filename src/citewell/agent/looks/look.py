"""Looks beside the first one: questions searched at the same time, joined to what is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.looks.joining import joined
from citewell.agent.state import State
from citewell.agent.telling import tell
from citewell.domain.passages import SearchQuery, SearchResult
from citewell.domain.run_events import Noticed
from citewell.retrieval.gathering import together
from citewell.retrieval.service import Retrieval

# Of a question that goes on from what is known: what answers it stands in few places.
PASSAGES = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions that were looked for, each with what was found."""

    questions: tuple[str, ...]
    results: tuple[SearchResult, ...]

    def added_to(self, state: State) -> State:
        """The parts, terms and passages of the run with these among them."""
        known = [SearchResult(state["passages"], {}, {})] if state.get("passages") else []
        return State(
            parts=(*state["parts"], *self.questions),
            terms=(*state.get("terms", ()), *(dict(one.terms) for one in self.results)),
            passages=joined([*known, *self.results]),
            degraded=_told(state.get("degraded", ()), self.results),
        )


async def look(
    retrieval: Retrieval, state: State, questions: Sequence[str], *, limit: int = PASSAGES
) -> Asked:
    """Search for all of the questions at once. Raises what a search raises."""
    collections, rerank = state["question"].collections, retrieval.reranks_every_look
    queries = [SearchQuery(one, collections, limit=limit, rerank=rerank) for one in questions]
    async with together() as group:
        searches = [group.create_task(retrieval.search(state["principal"], one)) for one in queries]
    return Asked(tuple(questions), tuple(search.result() for search in searches))


def _told(known: tuple[str, ...], results: Sequence[SearchResult]) -> tuple[str, ...]:
    """What was left out, each told once in a run."""
    found = {reason for result in results for reason in result.degraded} - set(known)
    for reason in sorted(found):
        tell(Noticed("degraded", reason))
    return tuple(sorted({*known, *found}))
