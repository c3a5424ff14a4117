"""PDF: the text layer page by page, words mended at line ends, running titles dropped."""

import re
from collections import Counter
from collections.abc import Sequence

from citewell.documents.parsers.decoding import without_controls
from citewell.documents.parsers.extraction import extract
from citewell.documents.parsers.formats.bidi import as_read
from citewell.documents.parsers.media import Media
from citewell.domain.documents import PageSpan, ParsedText, TextKind
from citewell.domain.errors import DocumentError

_BREAK = "\x02"
_BROKEN = re.compile(rf"\b(\w+){_BREAK}(\w+)")
_BULLET = re.compile(r"[\x01\x02](?=\s)|[\uf0b7\uf0a7\u25aa](?=\s)")
_COMPOUND = re.compile(r"\b\w+-\w+")
_WORD = re.compile(r"\w+")
_PAGE_NUMBER = re.compile(r"^[0-9]{1,5}\b|\b[0-9]{1,5}$")
_MADE_BY = re.compile(r"^Microsoft (?:Word|PowerPoint|Excel) - ")
_NO_TITLES = {"untitled", "anonymous", "unspecified", "no title"}
_TRAILING = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")
_EDGE_LINES = 2
_REPEATS = 3


def read_pdf(data: bytes, media: Media) -> ParsedText:
    """The text layer; one `PageSpan` per page, together covering the text.

    Raises `DocumentError`: `encrypted`, `corrupt`, or `no_text` for scanned pages.
    """
    found = extract(data, media.media_type, "plain")
    raw = list(found.pages) or [found.text]
    pages = without_running_lines([as_read(tidy(page)) for page in mended(raw)])
    pages = with_remarks(pages, found.remarks)
    if not any(page.strip() for page in pages):
        raise DocumentError(
            "no_text",
            f"The PDF has no text: its {_count(len(pages))} only images or drawings.",
            hint="Run it through OCR first and upload the result.",
        )
    text, spans = joined(pages)
    return ParsedText(
        text,
        TextKind.PROSE,
        pages=spans,
        title=_title(found.title),
        language=found.language,
        metadata=found.kept,
        warnings=_warnings(pages),
        parser="pdf",
    )


def mended(pages: Sequence[str]) -> list[str]:
    """Pages with the words put together that the reader saw broken at the end of a line.

    The hyphen stays where the document writes the compound with it elsewhere, or where both
    halves are words of the document and their concatenation is not.
    """
    whole = "\n".join(pages)
    if _BREAK not in whole:
        return list(pages)
    compounds = {word.lower() for word in _COMPOUND.findall(whole)}
    words = {word.lower() for word in _WORD.findall(_BROKEN.sub(" ", whole))}

    def mend(match: re.Match[str]) -> str:
        left, right = match[1], match[2]
        one = (left + right).lower()
        is_compound = f"{left}-{right}".lower() in compounds or (
            one not in words and left.lower() in words and right.lower() in words
        )
        return f"{left}-{right}" if is_compound else left + right

    return [_BROKEN.sub(mend, page) for page in pages]


def tidy(page: str) -> str:
    """A page without control characters, soft hyphens and trailing spaces."""
    bulleted = _BULLET.sub("\u2022", page.replace("\u00ad", ""))
    return _BLANKS.sub("\n\n", _TRAILING.sub("", without_controls(bulleted))).strip("\n")


def without_running_lines(pages: Sequence[str]) -> list[str]:
    """Pages without the lines that head or foot at least three pages and a third of them all.

    Lines count as equal when they differ only in a page number at either end that counts up with
    the pages. The first page that shows such a line keeps it, for it may be the title, and so
    does a page that shows nothing else.
    """
    edges = [_edges(page, number) for number, page in enumerate(pages)]
    counts = Counter(key for found in edges for key in set(found.values()))
    needed = max(_REPEATS, len(pages) / 3)
    seen: set[str] = set()
    shortened: list[str] = []
    for page, found in zip(pages, edges, strict=True):
        running = {at: key for at, key in found.items() if counts[key] >= needed}
        shortened.append(_without(page, {at for at, key in running.items() if key in seen}))
        seen.update(running.values())
    return shortened


def with_remarks(pages: Sequence[str], remarks: Sequence[tuple[int, str]]) -> list[str]:
    """Pages with what readers wrote on them (number of the page, words) as their last lines."""
    written: dict[int, list[str]] = {}
    for number, words in remarks:
        # A highlight often repeats the words that it marks.
        said = " ".join(without_controls(words).split())
        if said and 0 < number <= len(pages) and said not in " ".join(pages[number - 1].split()):
            written.setdefault(number, []).append(f"Note: {said}")
    return [
        "\n\n".join([page, "\n".join(written[number])]).strip("\n") if number in written else page
        for number, page in enumerate(pages, 1)
    ]


def joined(pages: Sequence[str]) -> tuple[str, tuple[PageSpan, ...]]:
    """The pages as one text, two line feeds apart, and spans that cover it without gaps."""
    parts: list[str] = []
    spans: list[PageSpan] = []
    start = 0
    for number, page in enumerate(pages, 1):
        part = page if number == len(pages) else page + "\n\n"
        parts.append(part)
        spans.append(PageSpan(number, start, start + len(part)))
        start += len(part)
    return "".join(parts), tuple(spans)


def _edges(page: str, number: int) -> dict[int, str]:
    lines = page.split("\n")
    full = [at for at, line in enumerate(lines) if line.strip()]
    return {at: _key(lines[at], number) for at in (*full[:_EDGE_LINES], *full[-_EDGE_LINES:])}


def _key(line: str, number: int) -> str:
    return _PAGE_NUMBER.sub(lambda match: f"#{int(match[0]) - number}", line.strip())


def _without(page: str, running: set[int]) -> str:
    kept = [line for at, line in enumerate(page.split("\n")) if at not in running]
    shorter = "\n".join(kept).strip("\n")
    return shorter if shorter.strip() else page


def _title(raw: str) -> str:
    title = _MADE_BY.sub("", without_controls(raw)).strip()
    return "" if title.lower().strip("()") in _NO_TITLES else title


def _warnings(pages: Sequence[str]) -> tuple[str, ...]:
    empty = [str(number) for number, page in enumerate(pages, 1) if not page.strip()]
    if not empty:
        return ()
    listed = ", ".join(empty[:10]) + (" and more" if len(empty) > 10 else "")
    return (f"No text on page {listed}; scanned pages need OCR first.",)


def _count(pages: int) -> str:
    return "page holds" if pages == 1 else f"{pages} pages hold"
