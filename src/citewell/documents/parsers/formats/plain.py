"""Text, Markdown and source code: the canonical text is the decoded file itself.

Only two things change, so that offsets stay exact for every reader: the byte order mark goes, and
line ends become line feeds.
"""

import re

from citewell.documents.parsers.decoding import decode
from citewell.documents.parsers.markdown_structure import headings
from citewell.documents.parsers.media import Media
from citewell.domain.documents import ParsedText, TextKind

_FRONT_TITLE = re.compile(r"---\n(?:[^\n]*\n){0,50}?title:([^\n]+)\n")


def read_text(data: bytes, media: Media) -> ParsedText:
    """Prose as it is; raises `DocumentError` with reason `encoding`."""
    decoded = decode(data)
    kind = TextKind.CODE if media.format == "code" else TextKind.PROSE
    return ParsedText(
        decoded.text,
        kind,
        warnings=(decoded.warning,) if decoded.warning else (),
        parser="text",
        code_language=media.code_language,
    )


def read_markdown(data: bytes, _media: Media) -> ParsedText:
    """Markdown as it is, with its headings; the title is the front matter's or the first heading.

    Raises `DocumentError` with reason `encoding`.
    """
    decoded = decode(data)
    outline = headings(decoded.text)
    front = _FRONT_TITLE.match(decoded.text)
    title = front[1].strip("\"' \t") if front else ""
    return ParsedText(
        decoded.text,
        TextKind.MARKDOWN,
        headings=outline,
        title=title or (outline[0].text if outline else ""),
        warnings=(decoded.warning,) if decoded.warning else (),
        parser="markdown",
    )
