"""CSV, TSV, JSON and JSON Lines: the canonical text is the file, minified JSON is laid out."""

import re

from citewell.documents.parsers.decoding import decode
from citewell.documents.parsers.media import Media
from citewell.domain.documents import ParsedText, TextKind

# A string may lack its closing quote: so the pattern stays linear on broken files.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|\s+|[^"{}\[\],:\s]+', re.DOTALL)
_MINIFIED_LINE = 400
_MAX_INDENT = 40


def read_rows(data: bytes, media: Media) -> ParsedText:
    """CSV, TSV and JSON Lines as they are; raises `DocumentError` with reason `encoding`."""
    decoded = decode(data)
    return ParsedText(
        decoded.text,
        TextKind.TABLE,
        metadata={"format": media.format},
        warnings=(decoded.warning,) if decoded.warning else (),
        parser=media.format,
    )


def read_json(data: bytes, _media: Media) -> ParsedText:
    """JSON as it is, or one field per line where it was written without line breaks.

    Laying out moves white space only: every token stays as written, valid or not.
    Raises `DocumentError` with reason `encoding`.
    """
    decoded = decode(data)
    text = decoded.text
    if len(text) > _MINIFIED_LINE * (text.count("\n") + 1):
        text = laid_out(text)
    return ParsedText(
        text,
        TextKind.CODE,
        warnings=(decoded.warning,) if decoded.warning else (),
        parser="json",
        code_language="json",
    )


def laid_out(text: str) -> str:
    """The JSON with a line per field or element, indented by two spaces a level."""
    out: list[str] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        part = match[0]
        if part in "{[":
            depth += 1
            out.append(part + _line(depth))
        elif part in "}]":
            depth = max(depth - 1, 0)
            out.append(_line(depth) + part)
        elif part == ",":
            out.append("," + _line(depth))
        elif part == ":":
            out.append(": ")
        elif not part.isspace():
            out.append(part)
    return re.sub(r"([\[{])\s+([\]}])", r"\1\2", "".join(out))


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _MAX_INDENT)
