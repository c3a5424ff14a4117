"""Short plain text, read without a process of its own.

Nothing but decoding and the search for headings is done to it, both in linear time; whatever turns
out to be more than that is left to the confined reader.
"""

import dataclasses

from citewell.documents.parsers.formats import plain
from citewell.documents.parsers.media import PLAIN, Media, detect
from citewell.domain.documents import ParsedText
from citewell.domain.errors import DocumentError

SHORT_BYTES = 16_384


def read_directly(data: bytes, filename: str) -> ParsedText | None:
    """What the reader would make of it, None where it needs the reader.

    Raises `DocumentError` with the reason why it has no text.
    """
    if not data or len(data) > SHORT_BYTES or data.startswith(b"PK"):
        return None
    media = detect(filename, data[:4096])
    if media.format not in PLAIN:
        return None
    read = plain.read_markdown if media.format == "markdown" else plain.read_text
    return conclude(read(data, media), media)


def conclude(parsed: ParsedText, media: Media) -> ParsedText:
    """The text with what is known of the file; raises `DocumentError` when there is none."""
    if not parsed.text.strip():
        raise DocumentError(
            "no_text",
            "The file holds no text.",
            hint="If it shows images of text, run it through OCR first.",
        )
    warned = tuple(text for text in (media.warning, *parsed.warnings) if text)
    metadata = {**parsed.metadata, "media_type": media.media_type}
    return dataclasses.replace(parsed, warnings=warned, metadata=metadata)
