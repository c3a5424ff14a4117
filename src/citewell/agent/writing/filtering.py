"""What a model says, as it goes to the reader while it is being said.

Notes and thoughts at the beginning are left out, the word for what the documents do not say is
taken out and remembered, and marks are written one way: `[1, 2]`, `[1-2]`, `[^1]` and `【1】`
become `[1][2]` and `[1]`. What would load something by itself is taken apart. Nothing waits longer
than it takes to tell what it is.
"""

import re
from dataclasses import dataclass, field

from citewell.agent.prompts.answering import NOT_IN_DOCUMENTS
from citewell.agent.writing.unloading import LOADS, MAY_LOAD
from citewell.domain.sentences import Span

MOST_MARKS = 8
LONGEST_MARK = 40
_HIDDEN = {"<notes>": "</notes>", "<think>": "</think>", "<thinking>": "</thinking>"}
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_MAY_BE_FENCE = re.compile(r"[ \t]*(?:`{0,2}|~{0,2})$")
# Models decorate the word, and may write it as words.
_BEFORE = r"[ \t>*_`\[(\"“#-]*"
_MARKER = re.compile(rf"{_BEFORE}NOT[_ ]IN[_ ](?:THE[_ ])?DOCUMENTS?[ \t*_`\]).:\"”–—-]*", re.I)
_DECORATION = re.compile(_BEFORE)
_PLAIN_MARKER = re.compile(r"[_ ](?:the[_ ])?")
_MARK = re.compile(
    r"[\[【]\s*\^?(\d{1,3}(?:\s*(?:[,;–-])\s*\^?\d{1,3})*)(?:†[^\]】\n]{0,30})?\s*[\]】]"
)
_MAY_BE_MARK = re.compile(r"[\[【][\s\d,;^–-]*(?:†[^\]】\n]*)?$")
_SPECIAL = re.compile(r"[\n`\[【!<]")
_RANGE = re.compile(r"(?<!\d)(\d{1,3})\s{0,3}[–-]\s{0,3}\^?(\d{1,3})")


@dataclass(slots=True)
class Filter:
    """One answer; `said` is what has gone to the reader, `admissions` what is said to be missing.

    An admission reaches from the word to the end of its line, counted in `said`.
    """

    said: str = ""
    admissions: list[Span] = field(default_factory=list)
    _waiting: str = ""
    _begun: bool = False
    _hidden_until: str = ""
    _at_line_start: bool = True
    _in_code: bool = False
    _in_inline: bool = False
    _admitting_since: int | None = None

    def hear(self, text: str) -> str:
        """What can go on to the reader now."""
        self._waiting += text
        return self._go_on(ended=False)

    def end(self) -> str:
        """The rest, when nothing more is said."""
        rest = self._go_on(ended=True)
        self._close_admission()
        return rest

    @property
    def admits_all(self) -> bool:
        """Whether everything that was said is about what is missing."""
        kept, at = "", 0
        for start, end in self.admissions:
            kept, at = kept + self.said[at:start], end
        return bool(self.admissions) and not (kept + self.said[at:]).strip()

    def _go_on(self, *, ended: bool) -> str:
        before = len(self.said)
        while self._waiting and self._step(ended=ended):
            pass
        return self.said[before:]

    def _step(self, *, ended: bool) -> bool:
        """Decide about the beginning of what waits; False when more has to be heard first."""
        if not self._begun:
            return self._open(ended=ended)
        if self._at_line_start:
            return self._line_start(ended=ended)
        return self._inside(ended=ended)

    def _open(self, *, ended: bool) -> bool:
        """Leave out white space, and a block of notes, at the very beginning."""
        if self._hidden_until:
            _, found, rest = self._waiting.partition(self._hidden_until)
            # What may be the beginning of the closing tag is kept.
            self._waiting = rest if found else self._waiting[-len(self._hidden_until) :]
            self._hidden_until = "" if found else self._hidden_until
            return bool(found)
        self._waiting = self._waiting.lstrip()
        opening = next((tag for tag in _HIDDEN if self._waiting.lower().startswith(tag)), "")
        if opening:
            self._waiting = self._waiting[len(opening) :]
            self._hidden_until = _HIDDEN[opening]
            return True
        if not ended and any(tag.startswith(self._waiting.lower()) for tag in _HIDDEN):
            return False
        self._begun = True
        return True

    def _line_start(self, *, ended: bool) -> bool:
        marker = None if self._in_code else _MARKER.match(self._waiting)
        if marker and (ended or marker.end() < len(self._waiting)):
            self._waiting = self._waiting[marker.end() :]
            self._admitting_since = len(self.said)
        elif not ended and (marker or self._may_be_special()):
            return False
        elif _FENCE.match(self._waiting):
            self._in_code = not self._in_code
        self._at_line_start = False
        return True

    def _may_be_special(self) -> bool:
        """Whether what waits may still become the word, or a fence."""
        if _MAY_BE_FENCE.match(self._waiting):
            return True
        bare = _DECORATION.sub("", self._waiting, count=1).lower()
        wanted = NOT_IN_DOCUMENTS.lower().replace("_", " ")
        plain = _PLAIN_MARKER.sub(" ", bare)
        also = ("not in the", "not in th", "not in t")
        return not self._in_code and (wanted.startswith(plain) or plain in also)

    def _inside(self, *, ended: bool) -> bool:
        """Up to the next line, or to something that may be a mark or load something."""
        cut = _SPECIAL.search(self._waiting)
        if cut is None:
            self._say(self._waiting)
        elif cut.start():
            self._say(self._waiting[: cut.start()])
        elif cut[0] == "\n":
            self._close_admission()
            self._say("\n")
            self._at_line_start, self._in_inline = True, False
        elif cut[0] == "`":
            self._in_inline = not self._in_inline and not self._in_code
            self._say("`")
        elif cut[0] in "!<":
            return self._loading(ended=ended)
        else:
            return self._mark(ended=ended)
        return True

    def _loading(self, *, ended: bool) -> bool:
        """In code too: whoever shows the answer may see its code end elsewhere."""
        if not ended and MAY_LOAD.match(self._waiting):
            return False
        loads = LOADS.match(self._waiting)
        self._say(f"{self._waiting[0]} " if loads else self._waiting[0], instead_of=1)
        return True

    def _mark(self, *, ended: bool) -> bool:
        if self._in_code or self._in_inline:
            self._say(self._waiting[0])
            return True
        mark = _MARK.match(self._waiting)
        if mark:
            self._say(_written(mark[1]), instead_of=mark.end())
        elif not ended and len(self._waiting) <= LONGEST_MARK and _MAY_BE_MARK.match(self._waiting):
            return False
        else:
            self._say(self._waiting[0])
        return True

    def _say(self, text: str, *, instead_of: int | None = None) -> None:
        self._waiting = self._waiting[len(text) if instead_of is None else instead_of :]
        self.said += text

    def _close_admission(self) -> None:
        if self._admitting_since is not None:
            self.admissions.append((self._admitting_since, len(self.said)))
            self._admitting_since = None


def _written(numbers: str) -> str:
    """Each number in brackets of its own."""
    spread = _RANGE.sub(lambda found: _spread(int(found[1]), int(found[2])), numbers)
    return "".join(f"[{number}]" for number in re.findall(r"\d+", spread))


def _spread(first: int, last: int) -> str:
    if not 0 <= last - first < MOST_MARKS:
        return f"{first},{last}"
    return ",".join(map(str, range(first, last + 1)))
