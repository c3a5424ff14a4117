"""Text to word pieces, and the plan of passes by which a model of limited sight reads a text."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from citewell.inference.embedding import PassageText, Span
from citewell.inference.passage_text import encodable

CONTEXT_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Pieces:
    """The ids of a text's pieces, special tokens left out, and each piece's characters."""

    ids: list[int]
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class Pool:
    """Row `row` of text `text` takes in the states `start` to `end` of a pass."""

    text: int
    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading by the model: at most its limit of ids, special tokens included."""

    ids: list[int]
    pools: tuple[Pool, ...]


class WordPieces:
    """A tokenizer that accepts every Python string; safe to call from many threads."""

    __slots__ = ("_tokenizer", "close_id", "open_id", "pad_id")

    def __init__(self, definition: str) -> None:
        """`definition` is the JSON of a BERT tokenizer; raises ValueError if it is not."""
        self._tokenizer: Tokenizer = Tokenizer.from_str(definition)
        self.open_id = self._special("[CLS]")
        self.close_id = self._special("[SEP]")
        self.pad_id = self._special("[PAD]")

    def encode(self, text: str) -> Pieces:
        """All pieces of the text; lone surrogates count as unknown characters."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return Pieces(encoding.ids, encoding.offsets)

    def enclose(self, ids: Sequence[int]) -> list[int]:
        """The ids as the model wants them, between its special tokens."""
        return [self.open_id, *ids, self.close_id]

    def _special(self, name: str) -> int:
        number: int | None = self._tokenizer.token_to_id(name)
        if number is None:
            raise ValueError(f"The tokenizer has no {name}.")
        return number


def plan_passes(
    pieces: WordPieces, number: int, passage: PassageText, max_tokens: int
) -> list[Pass]:
    """The passes that read the whole passage, with what each gives to row 0 and the windows.

    Every window is read in one pass if it fits into one. The context comes first in every pass.
    `number` is how the pools name the passage.
    """
    context = pieces.encode(passage.context).ids[:CONTEXT_TOKENS] if passage.context else []
    text = pieces.encode(passage.text)
    lead = 1 + len(context)
    room = max_tokens - lead - 1
    windows = [_in_tokens(text.spans, window) for window in passage.windows]
    passes, read = [], 0
    for start, end in stretches(len(text.ids), room, windows):
        ids = pieces.enclose([*context, *text.ids[start:end]])
        pools = [Pool(number, 0, 0, len(ids))]
        for row, window in enumerate(windows, start=1):
            first, last = _share(window, (start, end), read, room)
            if first < last:
                pools.append(Pool(number, row, lead + first - start, lead + last - start))
        passes.append(Pass(ids, tuple(pools)))
        read = end
    return passes


def stretches(count: int, room: int, windows: Sequence[Span]) -> list[Span]:
    """Spans of at most `room` tokens that cover `count` tokens and each window that fits in one.

    They begin and end in ascending order; they overlap only where a window would be cut.
    """
    found = [(0, min(room, count))]
    while found[-1][1] < count:
        end = found[-1][1]
        cut = [a for a, b in windows if found[-1][0] < a < end < b and b - a <= room]
        start = min(cut, default=end)
        found.append((start, min(start + room, count)))
    return found


def _in_tokens(spans: Sequence[Span], window: Span) -> Span:
    """The tokens that begin in a window of characters."""
    first = bisect_left(spans, window[0], key=lambda span: span[0])
    return first, bisect_left(spans, window[1], lo=first, key=lambda span: span[0])


def _share(window: Span, stretch: Span, read: int, room: int) -> Span:
    """What a stretch gives to a window: all of it or, if no stretch can hold it, the unread part.

    `read` is the end of the stretch before; a window that ended there has been served.
    """
    first, last = window
    start, end = stretch
    if last - first <= room:
        return window if start <= first and read < last <= end else (0, 0)
    return max(first, start, read), min(last, end)
