"""Headings of Markdown, and Markdown made by a converter turned into readable text."""

import re
from collections.abc import Iterator

from citewell.domain.documents import Heading

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NOT_A_PARAGRAPH = re.compile(r"\s*$| {4}|\t| {0,3}(?:[-*+>|#]|\d{1,9}[.)]\s)")
_EMPHASIS = re.compile(r"\*{1,3}|`")
_LINK = re.compile(r"(!?)\[([^\[\]\n]*)\]\(([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)\)")
# Without its backslash the first of a line could become a heading, an item or a table.
_ESCAPE = re.compile(r"(?<!^)\\([!-/:-@\[-`{-~])")
# A bar inside a cell keeps its backslash.
_CELL_ESCAPE = re.compile(r"\\([!-/:-@\[-`{}~])")
# Columns that are padded to one width cost room and say nothing.
_PADDING = re.compile(r" {2,}")
_RULE = re.compile(r"(?<!-)-{4,}(?=:? \|)")
_EMPTY_ROW = re.compile(r"\|[ |]*\|")
# What a converter makes of formatted nothing.
_NOTHING = re.compile(r"(?:\\[*_-])+")
_BLANKS = re.compile(r"\n{3,}")


def headings(text: str) -> tuple[Heading, ...]:
    """ATX and setext headings outside code fences and front matter, in order."""
    found: list[Heading] = []
    previous, before = "", 0
    for start, line, is_code in _lines(text):
        if is_code:
            previous = ""
            continue
        if match := _ATX.match(line):
            found.append(Heading(start, len(match[1]), _label(line[match.end() :])))
            previous = ""
            continue
        underline = _UNDERLINE.match(line)
        if underline and previous and not _NOT_A_PARAGRAPH.match(previous):
            found.append(Heading(before, 1 if underline[1][0] == "=" else 2, _label(previous)))
            previous = ""
            continue
        previous, before = line, start
    return tuple(heading for heading in found if heading.text)


def readable(markdown: str, *, keep_links: bool) -> str:
    """Converted Markdown without comments, images, in-page links and needless escapes.

    `keep_links` keeps the targets of links to the web; otherwise only their text stays.
    """
    lines: list[str] = []
    for _, line, is_code in _lines(markdown):
        is_row = line.startswith("|") and not is_code
        # The first row of a table may be empty: a table needs a head.
        if is_row and lines and lines[-1].startswith("|") and _EMPTY_ROW.fullmatch(line):
            continue
        shown = line if is_code else _readable_line(line, keep_links=keep_links)
        lines.append(_PADDING.sub(" ", _RULE.sub("---", shown)) if is_row else shown)
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip()


def _readable_line(line: str, *, keep_links: bool) -> str:
    def linked(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if keep_links and not image and target.startswith(("http:", "https:", "mailto:")):
            return match[0]
        return str(label)

    line = _unescaped(line) if "\\" in line else line
    line = _without_comments(line) if "<!--" in line else line
    # Twice, because a link may hold an image.
    line = _LINK.sub(linked, _LINK.sub(linked, line)) if "](" in line else line
    return line.rstrip()


def _unescaped(line: str) -> str:
    if line.startswith("|"):
        return _CELL_ESCAPE.sub(r"\1", line)
    if _NOTHING.fullmatch(line):
        return ""
    shown = _ESCAPE.sub(r"\1", line.removeprefix("\\") if line.startswith("\\!") else line)
    # Bold that a line break has cut in two.
    return shown.replace("**", "") if shown.count("**") % 2 else shown


def _without_comments(line: str) -> str:
    # Not a pattern: on many openings without an end that would take quadratic time.
    kept, position = [], 0
    while (start := line.find("<!--", position)) >= 0:
        end = line.find("-->", start)
        if end < 0:
            break
        kept.append(line[position:start])
        position = end + 3
    return "".join([*kept, line[position:]])


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    fence, start, is_front = "", 0, text.startswith("---\n") and "\n---\n" in text[4:20_000]
    for number, line in enumerate(text.split("\n")):
        match = _FENCE.match(line)
        inside = bool(fence) or is_front
        if is_front and number and line == "---":
            is_front = False
        elif not inside and match:
            fence, inside = match[1], True
        elif fence and match and match[1].startswith(fence) and not line.strip("`~ \t"):
            fence = ""
        yield start, line, inside
        start += len(line) + 1


def _label(raw: str) -> str:
    text = re.sub(r"(?<![ \t])[ \t]+#+$", "", raw.strip())
    return _EMPHASIS.sub("", _LINK.sub(r"\2", text)).strip()
