"""Footnote marks in a written answer: `[1]`, `[1][2]`, `[1, 2]`; brackets in code are none."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from citewell.domain.sentences import Span

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[`~ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`[^`\n]{1,200}`")
# A link has its address behind the bracket.
_MARK = re.compile(r"\[[ ]?(\d{1,3}(?:[ ]?[,;][ ]?\d{1,3}){0,20})[ ]?\](?!\()")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a mark stands, and the numbers in it."""

    start: int
    end: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A piece of a text without its marks; character `i` stood at `origins[i]` of the text."""

    text: str
    origins: tuple[int, ...]

    def origin_of(self, span: Span) -> Span:
        """Where a span that is not empty stood; marks inside it are included."""
        return self.origins[span[0]], self.origins[span[1] - 1] + 1


def fenced_code(text: str) -> list[Span]:
    """The fenced code blocks, fences included; one that is never closed ends with the text."""
    return [found.span() for found in _FENCED.finditer(text)]


def marks_of(text: str) -> list[Mark]:
    """Every mark outside of code, in order."""
    code = [*fenced_code(text), *(found.span() for found in _INLINE.finditer(text))]
    return [
        Mark(*found.span(), tuple(int(n) for n in _NUMBER.findall(found[1])))
        for found in _MARK.finditer(text)
        if not any(start <= found.start() < end for start, end in code)
    ]


def without_marks(text: str, span: Span, marks: list[Mark]) -> Unmarked:
    """The text at `span` without the marks in it and the spaces before them."""
    origins = [place for piece in _between(text, span, marks) for place in range(*piece)]
    return Unmarked("".join(text[place] for place in origins), tuple(origins))


def _between(text: str, span: Span, marks: list[Mark]) -> Iterator[Span]:
    at, end = span
    for mark in marks:
        if mark.end <= at or mark.start >= end:
            continue
        kept = text[at : mark.start].rstrip(" \t\u00a0")
        yield at, at + len(kept)
        at = mark.end
    yield at, max(at, end)
