"""Which passages a prompt holds: as many as fit, and of no document more than its share."""

from collections.abc import Iterator, Sequence

from citewell.domain.passages import Passage

BYTES_PER_TOKEN = 3
# Of the passages in a prompt; what others wrote must be heard, where there is anything.
SHARE = 0.4


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


def _while_they_fit(passages: Sequence[Passage], most_tokens: int) -> Iterator[Passage]:
    tokens = 0
    for number, passage in enumerate(passages):
        tokens += len(passage.text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1
        if number and tokens > most_tokens:
            return
        yield passage
