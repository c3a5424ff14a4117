"""DOCX, PPTX, XLSX, ODT, RTF, EPUB and messages, through Markdown where it has structure."""

import re
import secrets
from collections.abc import Sequence

from citewell.documents.parsers.decoding import without_controls
from citewell.documents.parsers.extraction import Extracted, extract
from citewell.documents.parsers.formats import ooxml
from citewell.documents.parsers.formats.pdf import joined
from citewell.documents.parsers.markdown_structure import headings, readable
from citewell.documents.parsers.media import Media
from citewell.domain.documents import PageSpan, ParsedText, TextKind

_OPENING_CHARS = 200
# What a cell with a date and no time becomes.
_MIDNIGHT = re.compile(r"(?<=\b[0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00(?= \|)")


def read_office(data: bytes, media: Media) -> ParsedText:
    """Text documents and books as Markdown with their headings.

    Raises `DocumentError`: `encrypted` or `corrupt`.
    """
    found = extract(data, media.media_type, "markdown")
    text = readable(without_controls(found.text), keep_links=media.format != "epub")
    return _document(found, text, (), media)


def read_docx(data: bytes, media: Media) -> ParsedText:
    """As `read_office`, with footnotes, charts and comments behind the text.

    Raises `DocumentError`: `encrypted` or `corrupt`.
    """
    found = extract(ooxml.convertible(data), media.media_type, "markdown")
    text = readable(without_controls(ooxml.shown(found.text)), keep_links=True)
    package, main = ooxml.opened(data), "word/document.xml"
    text = _with(
        text,
        *ooxml.charts(package, main),
        _listed("Footnotes", ooxml.footnotes(package, main)),
        _listed("Comments", ooxml.comments(package, main)),
    )
    return _document(found, text, (), media)


def read_slides(data: bytes, media: Media) -> ParsedText:
    """A presentation as Markdown, a `PageSpan` per slide labelled with its title.

    Raises `DocumentError`: `encrypted` or `corrupt`.
    """
    # Unguessable, so that no text on a slide can pass for the mark between two slides.
    token = f"slide{secrets.token_hex(8)}n"
    mark = f"\n\n{token}{{page_num}}\n\n"
    found = extract(ooxml.numbered(data), media.media_type, "markdown", page_mark=mark)
    parts = re.split(rf"{token}\d+", without_controls(found.text))
    slides = [readable(part, keep_links=True) for part in parts]
    slides = slides[1:] if len(slides) > 1 and not slides[0] else slides
    text, spans = joined(_annotated(slides, ooxml.opened(data)))
    return _document(found, text, _labelled(text, spans), media)


def read_workbook(data: bytes, media: Media) -> ParsedText:
    """A workbook as Markdown tables, a `PageSpan` per sheet labelled with its name.

    Raises `DocumentError`: `encrypted` or `corrupt`.
    """
    found = extract(data, media.media_type, "markdown")
    text = _MIDNIGHT.sub("", readable(without_controls(found.text), keep_links=True))
    names = [str(name) for name in found.metadata.get("sheet_names") or ()]
    return _document(found, text, _sheets(text, names), media)


def read_message(data: bytes, media: Media) -> ParsedText:
    """An Outlook message: head and body; attachments are named, not read.

    Raises `DocumentError` with reason `corrupt`.
    """
    found = extract(data, media.media_type, "plain")
    attachments = [str(name) for name in found.metadata.get("attachments") or ()]
    named = without_controls(", ".join(attachments[:20]))
    return ParsedText(
        without_controls(found.text).strip(),
        TextKind.PROSE,
        title=without_controls(str(found.metadata.get("subject") or "")),
        metadata=found.kept,
        warnings=(f"Attachments were not read: {named}.",) if named else (),
        parser=media.format,
    )


def _annotated(slides: list[str], package: ooxml.Package) -> list[str]:
    """Slides with their charts, the speaker's notes and remarks."""
    parts = package.slides()
    if len(parts) != len(slides):
        return slides
    return [
        _with(
            slide,
            *ooxml.charts(package, part),
            *(f"Notes: {said}" for said in ooxml.notes(package, part)),
            _listed("Comments", ooxml.comments(package, part)),
        )
        for slide, part in zip(slides, parts, strict=True)
    ]


def _with(*parts: str) -> str:
    return without_controls("\n\n".join(part for part in parts if part))


def _listed(what: str, found: Sequence[str]) -> str:
    items = "\n".join(f"- {one}" for one in found)
    return f"{what}:\n\n{items}" if items else ""


def _document(found: Extracted, text: str, pages: tuple[PageSpan, ...], media: Media) -> ParsedText:
    outline = headings(text)
    title = without_controls(found.title)
    # A heading that much text stands before is of a part, not of the whole.
    opens = bool(outline) and outline[0].start < _OPENING_CHARS
    if not title and opens and media.format != "xlsx":
        title = outline[0].text
    return ParsedText(
        text,
        TextKind.MARKDOWN,
        pages=pages,
        headings=outline,
        title=title,
        language=found.language,
        metadata=found.kept,
        parser=media.format,
    )


def _labelled(text: str, spans: tuple[PageSpan, ...]) -> tuple[PageSpan, ...]:
    outline = headings(text)
    labels = {
        span.number: next((h.text for h in outline if span.start <= h.start < span.end), "")
        for span in spans
    }
    return tuple(PageSpan(s.number, s.start, s.end, labels[s.number]) for s in spans)


def _sheets(text: str, names: list[str]) -> tuple[PageSpan, ...]:
    starts: list[tuple[int, str]] = []
    position = 0
    for name in names:
        shown = without_controls(name).strip()
        match = re.compile(rf"^## {re.escape(shown)}[ \t]*$", re.MULTILINE).search(text, position)
        if match:
            starts.append((match.start(), shown))
            position = match.end()
    if not starts:
        return ()
    starts[0] = (0, starts[0][1])
    ends = [*(start for start, _ in starts[1:]), len(text)]
    return tuple(
        PageSpan(number, start, end, name)
        for number, ((start, name), end) in enumerate(zip(starts, ends, strict=True), 1)
    )
