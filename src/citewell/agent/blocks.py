"""Code blocks, tables and lists of a text, each with the sentence that introduces it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citewell.domain.sentences import Span, sentences

_ITEM = re.compile(r"([ \t]*)([-*+•‣◦]|\d{1,3}[.)])[ \t]+")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_INDENTED = re.compile(r"(?: {2}|\t)[ \t]*\S")
# What begins something of its own wherever it stands.
_APART = re.compile(r"[ \t]*(?:#{1,6}[ \t]|```|~~~|\||>|(?:[-*_][ \t]*){3,}$)")
_ENDED = re.compile(r"[.!?…:。！？：।۔؟][\"'”’»)\]*_]*[ \t]*$")
_INTRODUCES = re.compile(r"[:：][*_]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, and the sentence that introduces them, empty without one."""

    start: int
    end: int
    introduction: Span
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()


def blocks_of(text: str) -> list[Block]:
    """The code blocks, then the tables, then the lists; a block in a list item is in both."""
    lines = _lines(text)
    code = [_block(text, span, is_code=True) for span in _fenced(lines)]
    others = [*_tables(lines), *_lists(lines)]
    return code + [_block(text, span) for span in others]


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    start = 0
    for piece in text.split("\n"):
        found.append(_Line(start, start + len(piece), piece))
        start += len(piece) + 1
    return found


def _block(text: str, span: Span, *, is_code: bool = False) -> Block:
    """A sentence that ends in a colon introduces what follows it, after one blank line at most."""
    start, end = span
    head = text[:start].rstrip()
    near = text[len(head) : start].count("\n") <= 2
    if head and near and _INTRODUCES.search(head):
        return Block(start, end, sentences(head)[-1], is_code)
    return Block(start, end, (start, start), is_code)


def _fenced(lines: Sequence[_Line]) -> Iterator[Span]:
    fences = [line for line in lines if _FENCE.match(line.text)]
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        yield opening.start, closing.end


def _tables(lines: Sequence[_Line]) -> Iterator[Span]:
    rows: list[_Line] = []
    for line in [*lines, _Line(0, 0, "")]:
        if _ROW.match(line.text):
            rows.append(line)
        elif rows:
            yield rows[0].start, rows[-1].end
            rows = []


def _lists(lines: Sequence[_Line]) -> Iterator[Span]:
    """Items with their continuation lines; blank lines between items do not end a list."""
    at = 0
    while at < len(lines):
        first = _ITEM.match(lines[at].text)
        if first is None:
            at += 1
            continue
        last = _last_of_list(lines, at, first)
        yield lines[at].start, lines[last].end
        at = last + 1


def _last_of_list(lines: Sequence[_Line], at: int, first: re.Match[str]) -> int:
    last = at
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line.is_blank:
            continue
        item, follows = _ITEM.match(line.text), number == last + 1
        if item and not (follows or _is_next(first, item)):
            break
        if not item and not _continues(lines[last], line, follows=follows):
            break
        last = number
    return last


def _is_next(first: re.Match[str], item: re.Match[str]) -> bool:
    """After a blank line, another mark begins another list, unless it stands further in."""
    deeper = len(item[1].expandtabs()) > len(first[1].expandtabs())
    return deeper or item[2][-1] == first[2][-1]


def _continues(before: _Line, line: _Line, *, follows: bool) -> bool:
    """Whether a line that begins no item goes on with the one before.

    What is indented does. What is not does when it follows at once and the sentence is not over:
    after a full stop it may be the text after the list.
    """
    if _INDENTED.match(line.text):
        return True
    return follows and not _ENDED.search(before.text) and not _APART.match(line.text)
