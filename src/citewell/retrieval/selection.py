"""From candidates to passages: what is shown of them, and why the rest is not."""

from collections.abc import Mapping, Sequence

from citewell.domain.ids import VersionId
from citewell.domain.passages import Dropped, Passage, Scores
from citewell.retrieval.fusion import Candidates
from citewell.storage.at_once.live import LiveChunk

OVERLAP = 0.4


def select(
    found: Candidates, live: Mapping[int, LiveChunk], most: int, *, explain: bool = False
) -> tuple[list[Passage], list[Dropped]]:
    """The best `most` live passages in order, without those that mostly repeat a better one.

    All others are told of with the reason when they are to be explained.
    """
    taken: list[Passage] = []
    dropped: list[Dropped] = []
    beside: dict[VersionId, list[Passage]] = {}
    for at in found.order().tolist():
        if len(taken) == most and not explain:
            break
        chunk = live.get(int(found.keys[at]))
        if chunk is None:
            continue
        scores = _scores(found, at)
        near = beside.setdefault(chunk.version_id, [])
        if any(_repeats(chunk, other) for other in near):
            dropped.append(Dropped(chunk.id, "overlap", scores))
        elif len(taken) < most:
            taken.append(passage_of(chunk, scores))
            near.append(taken[-1])
        else:
            dropped.append(Dropped(chunk.id, "limit", scores))
    return taken, dropped


def beyond(passages: Sequence[Passage], limit: int) -> list[Dropped]:
    """Passages that were reranked and did not come in front of the limit."""
    return [Dropped(p.chunk_id, "limit", p.scores) for p in passages[limit:]]


def passage_of(chunk: LiveChunk, scores: Scores) -> Passage:
    """A live chunk as it is shown and cited."""
    return Passage(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        version_id=chunk.version_id,
        collection_id=chunk.collection_id,
        title=chunk.title,
        filename=chunk.filename,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        page_label=chunk.page_label,
        headings=chunk.headings,
        kind=chunk.kind,
        language=chunk.language,
        ordinal=chunk.ordinal,
        context=chunk.context,
        scores=scores,
        metadata=chunk.metadata,
    )


def _repeats(chunk: LiveChunk, other: Passage) -> bool:
    shared = min(chunk.end, other.end) - max(chunk.start, other.start)
    return shared > OVERLAP * min(chunk.end - chunk.start, other.end - other.start)


def _scores(found: Candidates, at: int) -> Scores:
    return Scores(
        final=float(found.final[at]),
        cosine=float(found.whole[at]),
        window_cosine=float(found.window[at]),
        bm25=float(found.bm25[at]),
        fused=float(found.fused[at]),
        **{stage: float(added[at]) for stage, added in found.added.items()},
    )
