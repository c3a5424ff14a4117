"""A written answer cut into what it states, each piece with the marks that stand behind it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from citewell.domain.sentences import Span, sentences
from citewell.retrieval.grounding.marks import Mark, fenced_code, marks_of, without_marks

_WORDS = re.compile(r"\w")
_BULLET = re.compile(r"(?:[ \t]*(?:[-*+•‣◦>]|#{1,6}|\d{1,3}[.)])[ \t]+)+")
_ALONE = re.compile(r"[ \t]*(?:(?:[-*+•‣◦>]|\d{1,3}[.)])[ \t]+)?$")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\*\*[^*\n]{1,200}\*\*:?$|__[^_\n]{1,200}__:?$)")
_LEADS = re.compile(r"[:：][*_]*$")
_RULED = re.compile(r"\n[ \t]*(?:\|[ \t]*)?(?::?-{3,}:?[ \t]*\|[ \t]*)+")
_EMPHASIS = re.compile(r"\*{1,3}|(?<!\w)_{1,2}|_{1,2}(?!\w)|`")


class Kind(StrEnum):
    """A claim and code need a footnote; what leads to others, a heading or `…:`, does not."""

    CLAIM = "claim"
    LEAD = "lead"
    CODE = "code"


@dataclass(slots=True)
class Statement:
    """One sentence, list item, row, heading or code block of an answer.

    `start`..`end` are its characters in the answer, a mark behind it left out; `text` is what it
    says, without marks, bullets and emphasis.
    """

    start: int
    end: int
    text: str
    kind: Kind
    marks: list[Mark] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        """What its marks point to, each once, in order."""
        return list(dict.fromkeys(number for mark in self.marks for number in mark.numbers))


def statements_of(text: str) -> list[Statement]:
    """Everything that `text` states, in order; rules, and marks that stand alone, state nothing."""
    marks = marks_of(text)
    found: list[Statement] = []
    at = 0
    for start, end in [*fenced_code(text), (len(text), len(text))]:
        found += _prose(text, (at, start), marks)
        if end > start:
            found.append(Statement(start, end, _code(text[start:end]), Kind.CODE))
        at = end
    for mark in marks:
        owner = _owner(text, mark, found)
        if owner is not None:
            owner.marks.append(mark)
    return found


def _prose(text: str, span: Span, marks: list[Mark]) -> list[Statement]:
    bare = without_marks(text, span, marks)
    spans = [one for one in sentences(bare.text) if _WORDS.search(bare.text[slice(*one)])]
    found = []
    for place in spans:
        start, end = bare.origin_of(place)
        said = bare.text[slice(*place)]
        leads = _leads(said, more=bool(_WORDS.search(text, end))) or _heads(bare.text, *place)
        kind = Kind.LEAD if leads else Kind.CLAIM
        found.append(Statement(start, end, _plain(said), kind))
    return found


def _leads(said: str, *, more: bool) -> bool:
    """A heading, or what introduces more."""
    return bool(_HEADING.match(said)) or (more and bool(_LEADS.search(said)))


def _heads(text: str, start: int, end: int) -> bool:
    """The first row of a table, which says what is in the others."""
    return "|" in text[start:end] and bool(_RULED.match(text, end))


def _plain(said: str) -> str:
    bullet = _BULLET.match(said)
    rest = said[bullet.end() :] if bullet else said
    return _EMPHASIS.sub("", rest).replace("|", " ").strip()


def _code(block: str) -> str:
    lines = block.split("\n")[1:]
    return "\n".join(line for line in lines if not re.match(r"[ \t]*(?:```|~~~)", line))


def _owner(text: str, mark: Mark, statements: Sequence[Statement]) -> Statement | None:
    """A mark belongs to the statement that it stands in or behind.

    At the beginning of a line with something behind it, it belongs to that.
    """
    line = text[text.rfind("\n", 0, mark.start) + 1 : mark.start]
    rest = text[mark.end :].partition("\n")[0]
    before = [one for one in statements if one.start < mark.start]
    after = [one for one in statements if one.start >= mark.end]
    opens = bool(_ALONE.match(line)) and bool(_WORDS.search(rest))
    chosen = after[:1] if (opens and after) or not before else before[-1:]
    return chosen[0] if chosen else None
