"""HTML: what a reader of the page would see, as Markdown with its headings."""

import html
import re

from citewell.documents.parsers.decoding import as_declared, decode, without_controls
from citewell.documents.parsers.extraction import extract
from citewell.documents.parsers.markdown_structure import headings, readable
from citewell.documents.parsers.media import Media
from citewell.domain.documents import ParsedText, TextKind

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*+=\s*+[\"']?\s*+([\w-]{2,20})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]{0,2000})", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>|<body[\s>]", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html[^<>]{0,500}?\blang\s*=\s*[\"']?([A-Za-z-]{2,12})", re.IGNORECASE)


def read_html(data: bytes, media: Media) -> ParsedText:
    """The page without scripts, styles, comments, navigation and link targets.

    Raises `DocumentError`: `encoding` or `corrupt`.
    """
    source, warnings = _decoded(data)
    end = _HEAD_END.search(source)
    head = source[: end.start()] if end else source[:20_000]
    title = _TITLE.search(head)
    # The converter would write the head's metadata into the text.
    body = source[end.start() :] if end else source
    found = extract(body.encode("utf-8", errors="replace"), media.media_type, "markdown")
    text = readable(without_controls(found.text), keep_links=False)
    outline = headings(text)
    named = " ".join(html.unescape(title[1]).split()) if title else ""
    language = _LANGUAGE.search(head)
    return ParsedText(
        text,
        TextKind.MARKDOWN,
        headings=outline,
        title=without_controls(named) or (outline[0].text if outline else ""),
        language=language[1] if language else "",
        warnings=warnings,
        parser="html",
    )


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    declared = _CHARSET.search(data[:4096])
    if declared:
        text = as_declared(data, declared[1].decode("ascii", errors="replace"))
        if text is not None:
            return text, ()
    decoded = decode(data)
    return decoded.text, (decoded.warning,) if decoded.warning else ()
