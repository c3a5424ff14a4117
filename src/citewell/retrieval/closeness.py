"""Where a question after a fact is answered, its words stand close together: in one sentence."""

from collections.abc import Mapping

from citewell.domain.sentences import sentences
from citewell.retrieval.coverage import coverage
from citewell.retrieval.fusion import Candidates
from citewell.storage.at_once.live import LiveChunk

# Only what stands at the top already is read: this decides which of the best is first.
LOOKED_AT = 6
SHARE = 0.2


def closer(
    found: Candidates, live: Mapping[int, LiveChunk], weights: Mapping[str, float]
) -> Candidates:
    """The best candidates gain by the share of the question that one of their sentences covers.

    `weights` are the question's terms with their idf.
    """
    top = float(found.final.max(initial=0.0))
    final = found.final.copy()
    for at in found.order()[:LOOKED_AT]:
        chunk = live.get(int(found.keys[at]))
        if chunk is not None:
            final[at] += SHARE * top * _best_sentence(chunk, weights)
    return found.rescored("closeness", final)


def _best_sentence(chunk: LiveChunk, weights: Mapping[str, float]) -> float:
    return max(
        (
            coverage(weights, chunk.text[start:end], language=chunk.language, kind=chunk.kind)
            for start, end in sentences(chunk.text)
        ),
        default=0.0,
    )
