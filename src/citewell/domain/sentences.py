"""Where sentences begin and end: spans of a text, found by rules, offsets exact."""

import re

Span = tuple[int, int]

# A sentence ends at . ! ? (with closing quotes or brackets) before white space and something that
# can begin one; at the full stops of Chinese, Japanese, Hindi, Arabic and Armenian; at blank lines
# and line ends that a list item, table row or heading makes.
_END = re.compile(
    r"(?<=[.!?…])[\"'”’»)\]]*(?:\[\d+\])*\s+(?=[\"'“‘«(\[]*[^\W_a-z])"
    r"|(?<=[。！？｡])[」』”’）]*"
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
LOOK_BACK = 12


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of `text`, in order, trimmed of white space, never empty.

    Initials and common abbreviations do not end one. A sentence may run over single line breaks.
    """
    spans: list[Span] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() <= start or _continues(text, start, end.start()):
            continue
        _add(spans, text, start, end.start())
        start = end.end()
    _add(spans, text, start, len(text))
    return spans


def _continues(text: str, start: int, end: int) -> bool:
    if text[end : end + 1] == "\n":
        return False
    tail = text[max(start, end - LOOK_BACK) : end]
    return bool(_ABBREVIATION.search(tail) or _LIST_NUMBER.search(tail))


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        begin = start + len(piece) - len(piece.lstrip())
        spans.append((begin, begin + len(stripped)))
