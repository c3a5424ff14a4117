"""Look up every part of the question."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.ids import ChunkId
from citewell.domain.passages import Passage, SearchQuery, SearchResult
from citewell.domain.run_events import Noticed
from citewell.retrieval.gathering import together
from citewell.retrieval.service import Retrieval

PASSAGES = 8
WIDER = 20
MOST_PASSAGES = 16
SHARE = 0.4


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


def joined(results: Sequence[SearchResult]) -> tuple[Passage, ...]:
    """The passages of all parts in turn, each once; no document has more than its share.

    The share counts only where there are other documents to fill it.
    """
    found: dict[ChunkId, Passage] = {}
    for rank in range(max((len(r.passages) for r in results), default=0)):
        for result in results:
            if rank < len(result.passages):
                passage = result.passages[rank]
                found.setdefault(passage.chunk_id, passage)
    return capped(list(found.values()))[:MOST_PASSAGES]


def capped(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The same passages, those beyond a document's share moved behind the others."""
    most = max(1, int(SHARE * min(len(passages), MOST_PASSAGES)))
    taken: dict[object, int] = {}
    first: list[Passage] = []
    late: list[Passage] = []
    for passage in passages:
        count = taken[passage.document_id] = taken.get(passage.document_id, 0) + 1
        (first if count <= most else late).append(passage)
    return (*first, *late)
