"""From scored sentences to an answer: whole units in their own words, the best first.

Each is followed by its mark.
A definition, a list, a table row and a code block are kept whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.quoting import Sentence
from citewell.domain.passages import Citation, Passage
from citewell.domain.sentences import Span

MAX_SENTENCES = 3
NEAR_BEST = 0.82
MAX_UNIT = 1500
SAME_WORDS = 0.7

_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦]|\d{1,3}[.)])[ \t]+")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of a passage's text that is quoted whole; `number` is its mark, from 1."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Composed:
    """The answer's text and, in the same order, where each unit stands in it."""

    text: str
    citations: tuple[Citation, ...]


def choose(scored: Sequence[Sentence], passages: Sequence[Passage], most: int) -> list[Unit]:
    """The best units, without repeats, best first; `most` in all."""
    units: list[Unit] = []
    words: list[frozenset[str]] = []
    for sentence in scored:
        if len(units) >= most or sentence.score < NEAR_BEST * scored[0].score:
            break
        passage = passages[sentence.passage]
        start, end = whole(passage.text, (sentence.start, sentence.end))
        mine = frozenset(_WORD.findall(passage.text[start:end].lower()))
        if any(_repeats(mine, other) for other in words) or _covered(units, sentence):
            continue
        units.append(Unit(sentence.passage + 1, start, end))
        words.append(mine)
    return units


def compose(units: Sequence[Unit], passages: Sequence[Passage]) -> Composed:
    """Put units one after the other, each followed by its mark `[n]`."""
    text = ""
    citations: list[Citation] = []
    for unit in units:
        passage = passages[unit.number - 1]
        quote = passage.text[unit.start : unit.end]
        block = "\n" in quote
        if text:
            text += "\n\n" if block or "\n" in text[-MAX_UNIT:] else " "
        begin = len(text)
        text += quote
        citations.append(_citation(passage, unit, quote, (begin, len(text))))
        text += f"{chr(10) if _FENCE.search(quote) else ' '}[{unit.number}]"
    return Composed(text, tuple(citations))


def whole(text: str, span: Span) -> Span:
    """The span widened to what it is part of: a code block, a table with its head, a list."""
    start, end = span
    for widen in (_code_block, _table, _list):
        begin, finish = widen(text, start, end)
        if (begin, finish) != (start, end) and finish - begin <= MAX_UNIT:
            return _trimmed(text, begin, finish)
    return span


def _code_block(text: str, start: int, end: int) -> Span:
    fences = [m.start() for m in _FENCE.finditer(text)]
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        if opening <= start < closing:
            line = text.find("\n", closing)
            return opening, len(text) if line < 0 else line
    return start, end


def _table(text: str, start: int, end: int) -> Span:
    return _run_of_lines(_ROW, text, start, end)


def _list(text: str, start: int, end: int) -> Span:
    return _run_of_lines(_ITEM, text, start, end)


def _run_of_lines(pattern: re.Pattern[str], text: str, start: int, end: int) -> Span:
    """The neighbouring lines that look like the one at `start`, and what introduces them."""
    first = text.rfind("\n", 0, start) + 1
    if not pattern.match(text, first, _line_end(text, first)):
        return start, end
    while first > 0:
        before = text.rfind("\n", 0, first - 1) + 1
        if not pattern.match(text, before, first - 1):
            break
        first = before
    last = max(end, _line_end(text, start))
    while last < len(text) and pattern.match(text, last + 1, _line_end(text, last + 1)):
        last = _line_end(text, last + 1)
    return _with_introduction(text, first), last


def _with_introduction(text: str, first: int) -> int:
    """A line that ends in a colon just before a list introduces it."""
    head = text[:first].rstrip()
    # One blank line may stand between the two, as Markdown likes it.
    if not head.endswith(":") or text[len(head) : first].count("\n") > 2:
        return first
    return head.rfind("\n") + 1


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    return begin, start + len(piece.rstrip())


def _covered(units: Sequence[Unit], sentence: Sentence) -> bool:
    return any(
        unit.number == sentence.passage + 1
        and unit.start <= sentence.start
        and sentence.end <= unit.end
        for unit in units
    )


def _repeats(mine: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(mine & other)
    return bool(mine) and shared / max(1, min(len(mine), len(other))) > SAME_WORDS


def _citation(passage: Passage, unit: Unit, quote: str, answer: Span) -> Citation:
    return Citation(
        number=unit.number,
        answer_start=answer[0],
        answer_end=answer[1],
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        version_id=passage.version_id,
        start=passage.start + unit.start,
        end=passage.start + unit.end,
        quote=quote,
        title=passage.title,
        filename=passage.filename,
        page=passage.page,
        verified=False,
    )
