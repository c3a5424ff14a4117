"""Look up every part of the question."""

from dataclasses import dataclass

from citewell.agent.looks.joining import joined
from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.passages import SearchQuery
from citewell.domain.run_events import Noticed
from citewell.retrieval.gathering import together
from citewell.retrieval.service import Retrieval

PASSAGES = 8
WIDER = 20


@dataclass(frozen=True, slots=True)
class Retrieve:
    """The first look is quick; a second one is wider and compares word by word."""

    retrieval: Retrieval

    async def __call__(self, state: State) -> State:
        """Search for every part at once and join what is found."""
        look = state["looks"] + 1
        async with step("retrieve", look) as told:
            question, principal = state["question"], state["principal"]
            limit = PASSAGES if look == 1 else WIDER
            rerank = look > 1 or self.retrieval.reranks_every_look
            async with together() as group:
                searches = [
                    group.create_task(
                        self.retrieval.search(
                            principal,
                            SearchQuery(part, question.collections, limit=limit, rerank=rerank),
                        )
                    )
                    for part in state["parts"]
                ]
            results = [search.result() for search in searches]
            passages = joined(results)
            told.details["passages"] = len(passages)
        degraded = tuple(sorted({d for result in results for d in result.degraded}))
        for reason in degraded:
            tell(Noticed("degraded", reason))
        return State(
            looks=look,
            passages=passages,
            terms=tuple(dict(result.terms) for result in results),
            degraded=degraded,
        )
