"""From scored sentences to an answer: whole units in their own words, the best first.

Each is followed by its mark.
A definition, a list, a table row and a code block are kept whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.agent.blocks import Block, blocks_of
from citewell.agent.quoting import Sentence
from citewell.domain.passages import Citation, Passage
from citewell.domain.sentences import Span
from citewell.domain.words import WORD

MAX_SENTENCES = 3
NEAR_BEST = 0.82
MAX_UNIT = 1500
SAME_WORDS = 0.7

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


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
        mine = frozenset(WORD.findall(passage.text[start:end].lower()))
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
    """The span widened to what it is part of, or introduces: a code block, a table, a list.

    What would be too long to quote stays the sentence that it is.
    """
    for extent in _extents(blocks_of(text), span):
        begin, finish = _trimmed(text, min(extent[0], span[0]), max(extent[1], span[1]))
        if finish - begin <= MAX_UNIT:
            return begin, finish
    return span


def _extents(blocks: Sequence[Block], span: Span) -> list[Span]:
    """What could be quoted instead of the span, the best first: what it is in, what it introduces.

    A line of code is understood without its introduction; an item of a list is not.
    """
    found: list[Span] = []
    for block in blocks:
        if _overlap(span, (block.start, block.end)):
            found += [] if block.is_code else [(block.introduction[0], block.end)]
            found.append((block.start, block.end))
    return found + [(b.introduction[0], b.end) for b in blocks if _overlap(span, b.introduction)]


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


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
