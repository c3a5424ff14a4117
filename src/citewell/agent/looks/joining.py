"""Passages of several searches in one list."""

from collections.abc import Sequence

from citewell.domain.ids import ChunkId
from citewell.domain.passages import Passage, SearchResult

MOST_PASSAGES = 16
SHARE = 0.4


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
