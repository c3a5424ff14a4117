"""Any file to its canonical text, in the process that calls."""

from collections.abc import Callable, Mapping

from citewell.documents.parsers.archives import resolve
from citewell.documents.parsers.direct import conclude
from citewell.documents.parsers.formats import mail, office, pdf, plain, tables, web
from citewell.documents.parsers.media import Media, detect
from citewell.domain.documents import ParsedText
from citewell.domain.errors import DocumentError

_Reader = Callable[[bytes, Media], ParsedText]

_READERS: dict[str, _Reader] = {
    "pdf": pdf.read_pdf,
    "docx": office.read_docx,
    "odt": office.read_office,
    "rtf": office.read_office,
    "epub": office.read_office,
    "pptx": office.read_slides,
    "xlsx": office.read_workbook,
    "eml": lambda data, media: mail.read_mail(data, media, _attachment),
    "msg": office.read_message,
    "html": web.read_html,
    "markdown": plain.read_markdown,
    "text": plain.read_text,
    "code": plain.read_text,
    "csv": tables.read_rows,
    "tsv": tables.read_rows,
    "jsonl": tables.read_rows,
    "json": tables.read_json,
}


def read(data: bytes, filename: str, *, text_chars: int) -> ParsedText:
    """The canonical text of a file, at most `text_chars` characters.

    Raises `DocumentError` with the reason why there is none. Trusts nobody, but costs what the
    file makes it cost: run it in a confined process.
    """
    parsed = _read(data, filename, _READERS)
    if len(parsed.text) > text_chars:
        raise DocumentError(
            "too_large",
            f"The file holds {len(parsed.text):,} characters of text, more than {text_chars:,}.",
            hint="Split it into several files.",
        )
    return parsed


def _attachment(data: bytes, filename: str) -> ParsedText:
    return _read(data, filename, _ATTACHMENT_READERS)


def _read(data: bytes, filename: str, readers: Mapping[str, _Reader]) -> ParsedText:
    if not data:
        raise DocumentError("empty", "The file is empty.", hint="Upload the file again.")
    media = resolve(data, detect(filename, data[:4096]))
    return conclude(readers[media.format](data, media), media)


def _nested_mail(data: bytes, media: Media) -> ParsedText:
    return mail.read_mail(data, media, _left_out)


def _left_out(_data: bytes, _filename: str) -> ParsedText:
    raise DocumentError(
        "unsupported", "It lies in an attached message.", hint="Upload the file itself."
    )


# A message that is attached to a message is read, what is attached to it is not.
_ATTACHMENT_READERS = {**_READERS, "eml": _nested_mail}
