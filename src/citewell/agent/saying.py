"""Which sentences of a text say something that could answer."""

import re

from citewell.domain.sentences import Span, sentences
from citewell.domain.words import MARKS, UNSPACED

MIN_WORDS = 2
# Around a link or a picture there must be a little more: "See [the guide](…)." answers nothing.
MIN_WORDS_AROUND_LINKS = 4

_HEADING = re.compile(r"#{1,6}\s|[^\n]{1,200}\n(?:=+|-+)[ \t]*(?:\n|$)")
_WORD = re.compile(rf"(?:(?!_)[\w{MARKS}]){{2,}}")
_LINK = re.compile(r"!?\[[^\[\]\n]{0,500}\]\([^()\s]{0,1000}\)|https?://\S{1,1000}")
_UNSPACED = re.compile(rf"[{UNSPACED}]{{4}}")


def sayings(text: str) -> list[Span]:
    """The sentences of `text` without headings, rules, pictures and mere links."""
    return [span for span in sentences(text) if _says(text, *span)]


def _says(text: str, start: int, end: int) -> bool:
    if _HEADING.match(text, start):
        return False
    said, links = _LINK.subn(" ", text[start:end])
    least = MIN_WORDS_AROUND_LINKS if links else MIN_WORDS
    return len(_WORD.findall(said)) >= least or bool(_UNSPACED.search(said))
