"""Which sentences of a text say something that could answer."""

import re

from citewell.domain.sentences import Span, sentences
from citewell.domain.words import MARKS, UNSPACED

MIN_WORDS = 2

_HEADING = re.compile(r"#{1,6}\s|[^\n]{1,200}\n(?:=+|-+)[ \t]*(?:\n|$)")
_WORD = re.compile(rf"(?:(?!_)[\w{MARKS}]){{2,}}")
_UNSPACED = re.compile(rf"[{UNSPACED}]{{4}}")


def sayings(text: str) -> list[Span]:
    """The sentences of `text` without headings, rules and bare links."""
    return [span for span in sentences(text) if _says(text, *span)]


def _says(text: str, start: int, end: int) -> bool:
    if _HEADING.match(text, start):
        return False
    return len(_WORD.findall(text, start, end)) >= MIN_WORDS or bool(
        _UNSPACED.search(text, start, end)
    )
