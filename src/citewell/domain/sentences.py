"""Where sentences begin and end: spans of a text, found by rules, offsets exact."""

import re

Span = tuple[int, int]

# A sentence ends at . ! ? (with closing quotes or brackets) before white space and something that
# can begin one; at the full stops of Chinese, Japanese, Hindi, Arabic and Armenian; at blank lines
# and line ends that a list item, table row or heading makes.
_END = re.compile(
    r"(?<=[.!?…])([\"'”’»)\]]*)(?:\[\d+\])*\s+(?=[\"'“‘«(\[]*[^\W_a-z])"
    r"|(?<=[。！？｡])(?![。！？｡])([」』”’）]*)"
    r"|(?<=[।॥؟۔։])\s*"
    r"|\n\s*\n"
    r"|\n(?=[ \t]*(?:[-*+•‣◦]|\d{1,3}[.)]|\||#{1,6}\s|>)[ \t]*)"
)
_ABBREVIATION = re.compile(
    r"(?:\b[^\W\d_]|\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|No|Nr|Inc|Ltd|Co|Corp|al|etc|approx|ca|cf|resp"
    r"|e\.g|i\.e|z\.B|d\.h|u\.a|bzw|usw|bspw|Abs|Art|U\.S|Gen|Col|Lt|Sgt|Prof|Rev|Hon|Fig|Figs"
    r"|Eq|Sec|Vol|pp|ed|eds|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec))\.$"
)
_LIST_NUMBER = re.compile(r"(?:^|\n)[ \t]*\d{1,3}[.)]$")
# A heading has no full stop: its line, or the rule under it, ends it.
_HEADING = re.compile(r"\s*(?:#{1,6}[ \t][^\n]*|[^\n]{1,200}\n={2,}[ \t]*|-{2,}[ \t]*)\n")
_HEADING_LINE = re.compile(r"\s*#{1,6}[ \t][^\n]{0,200}")
LOOK_BACK = 12


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of `text`, in order, trimmed of white space, never empty.

    Initials and common abbreviations do not end one. A sentence may run over single line breaks.
    Footnote marks behind one ("[3]") belong to none; everything else that is not space does.
    """
    spans: list[Span] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() <= start or _continues(text, start, end.start()):
            continue
        # Quotes and brackets that close behind the full stop close this sentence.
        _add(spans, text, start, end.end(end.lastindex) if end.lastindex else end.start())
        start = end.end()
    _add(spans, text, start, len(text))
    return spans


def _continues(text: str, start: int, end: int) -> bool:
    if text[end : end + 1] == "\n":
        return False
    if _HEADING_LINE.fullmatch(text, start, end):
        return True
    tail = text[max(start, end - LOOK_BACK) : end]
    return bool(_ABBREVIATION.search(tail) or _LIST_NUMBER.search(tail))


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    while heading := _HEADING.match(text, start, end):
        _add_trimmed(spans, text, start, heading.end())
        start = heading.end()
    _add_trimmed(spans, text, start, end)


def _add_trimmed(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        begin = start + len(piece) - len(piece.lstrip())
        spans.append((begin, begin + len(stripped)))
