"""Which passages a prompt holds: as many as fit, and of no document more than its share."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from citewell.domain.ids import DocumentId
from citewell.domain.passages import Passage

BYTES_PER_TOKEN = 3
# Of the passages in a prompt; what others wrote must be heard, where there is anything.
SHARE = 0.4
# Where others have to be found for one document's.
MOST_PASSAGES = 16


def fitting(passages: Sequence[Passage], most_tokens: int) -> tuple[Passage, ...]:
    """The best passages that have so many tokens together, estimated; one at least.

    Those beyond a document's share come last, so they are taken only where nothing else is left.
    """
    count = len(tuple(_while_they_fit(passages, most_tokens)))
    most = max(1, int(SHARE * count))
    taken: dict[object, int] = {}
    first: list[Passage] = []
    late: list[Passage] = []
    for passage in passages:
        number = taken[passage.document_id] = taken.get(passage.document_id, 0) + 1
        (first if number <= most else late).append(passage)
    return tuple(_while_they_fit([*first, *late], most_tokens))


def crowding(passages: Sequence[Passage]) -> tuple[DocumentId, ...]:
    """The documents that have more than their share of the passages."""
    counts = Counter(one.document_id for one in passages)
    most = max(1, int(SHARE * len(passages)))
    return tuple(document for document, count in counts.items() if count > most)


def mixed(passages: Sequence[Passage], others: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages with as many of the `others` as give each document no more than its share.

    There are `MOST_PASSAGES` at most: what a document has beyond its share of these is left out.
    Where the others are not enough, the passages stay as they are.
    """
    loudest = max(Counter(one.document_id for one in passages).values(), default=0)
    least = math.ceil(min(loudest, int(SHARE * MOST_PASSAGES)) / SHARE)
    for size in range(max(least, min(len(passages), MOST_PASSAGES)), MOST_PASSAGES + 1):
        shown = _of_each([*passages, *others], int(SHARE * size))
        if len(shown) >= size:
            return shown[:size]
    return tuple(passages)


def _of_each(passages: Sequence[Passage], most: int) -> tuple[Passage, ...]:
    taken: Counter[DocumentId] = Counter()
    kept: list[Passage] = []
    for one in passages:
        taken[one.document_id] += 1
        if taken[one.document_id] <= most:
            kept.append(one)
    return tuple(kept)


def _while_they_fit(passages: Sequence[Passage], most_tokens: int) -> Iterator[Passage]:
    tokens = 0
    for number, passage in enumerate(passages):
        tokens += len(passage.text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1
        if number and tokens > most_tokens:
            return
        yield passage
