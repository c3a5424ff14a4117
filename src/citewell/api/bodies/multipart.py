"""Forms with one file, parsed while they arrive: nothing is kept in memory or written twice."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from citewell.api.bodies.json_bodies import parse_json
from citewell.api.errors import from_validation
from citewell.api.schemas.documents import UploadFields
from citewell.api.schemas.fields import MAX_FIELDS
from citewell.documents.service import Upload
from citewell.domain.errors import FieldProblem, InvalidError, TooLargeError

MAX_FIELD_BYTES = 100_000
MAX_PREAMBLE_BYTES = 64_000
FILE_FIELD = "file"


@dataclass(slots=True)
class _Part:
    """The part that is arriving."""

    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    value: bytearray = field(default_factory=bytearray)


class FormReader:
    """Turns pieces of a body into pieces of the file, and collects the fields around it."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.ended = False
        self._file: deque[bytes] = deque()
        self._part = _Part()
        self._header: list[bytes] = [b"", b""]
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._head(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._head(1, data[start:end]),
                "on_header_end": self._head_end,
                "on_headers_finished": self._heads_end,
                "on_part_data": lambda data, start, end: self._data(data[start:end]),
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What `piece` holds of the file. Raises `InvalidError` and `TooLargeError`."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise InvalidError(
                "The form is not multipart/form-data as RFC 7578 has it.",
                hint="Let your HTTP client build the form.",
            ) from error
        while self._file:
            yield self._file.popleft()

    def _begin(self) -> None:
        self._part = _Part()

    def _head(self, side: int, data: bytes) -> None:
        self._header[side] += data

    def _head_end(self) -> None:
        name, value = self._header
        self._part.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._header = [b"", b""]

    def _heads_end(self) -> None:
        _, options = parse_options_header(self._part.headers.get("content-disposition"))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        if self._part.name == FILE_FIELD:
            if self.filename is not None:
                raise _bad_field(FILE_FIELD, "Send one file per request.")
            self.filename = (filename or b"").decode("utf-8", "replace")
        elif len(self.fields) >= MAX_FIELDS:
            raise TooLargeError(f"A form has at most {MAX_FIELDS} fields.")

    def _data(self, data: bytes) -> None:
        if self._part.name == FILE_FIELD:
            self._file.append(data)
            return
        self._part.value += data
        if len(self._part.value) > MAX_FIELD_BYTES:
            raise TooLargeError(f"A form's field has at most {MAX_FIELD_BYTES:,} bytes.")

    def _end(self) -> None:
        name = self._part.name
        if name == FILE_FIELD:
            return
        try:
            self.fields[name] = self._part.value.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"This is not UTF-8, from byte {error.start} on."
            raise _bad_field(name, message) from error

    def _finish(self) -> None:
        self.ended = True


async def read_upload(content_type: str, body: AsyncIterator[bytes]) -> Upload:
    """The file of a form whose `pieces` are still to come; its fields are complete when they end.

    Raises `InvalidError` for a form without a file and, while the pieces come, for fields that
    are not known or a form that breaks off.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, section 5.1.1.
        raise InvalidError("The multipart body has no usable boundary.")
    reader = FormReader(boundary)
    first: list[bytes] = []
    seen = 0
    async for piece in body:
        seen += len(piece)
        first.extend(reader.feed(piece))
        if reader.filename is not None:
            break
        if seen > MAX_PREAMBLE_BYTES + MAX_FIELDS * MAX_FIELD_BYTES:
            raise TooLargeError("Too much comes before the file.")
    if reader.filename is None:
        raise _bad_field(FILE_FIELD, "Send the file in the form's field `file`.")
    upload = Upload(reader.filename, _no_pieces())
    upload.pieces = _rest(reader, first, body, upload)
    return upload


async def _rest(
    reader: FormReader, first: list[bytes], body: AsyncIterator[bytes], upload: Upload
) -> AsyncIterator[bytes]:
    for data in first:
        yield data
    async for piece in body:
        for data in reader.feed(piece):
            yield data
    if not reader.ended:
        raise InvalidError("The form breaks off before its end.", hint="Send it again.")
    _describe(upload, reader.fields)


def _describe(upload: Upload, fields: dict[str, str]) -> None:
    """Put the form's fields into the upload; raises `InvalidError`."""
    given: dict[str, object] = dict(fields)
    if "tags" in fields:
        given["tags"] = [tag.strip() for tag in fields["tags"].split(",") if tag.strip()]
    if "metadata" in fields:
        given["metadata"] = parse_json(fields["metadata"] or "{}", field="metadata")
    try:
        said = UploadFields.model_validate(given)
    except ValidationError as error:
        raise from_validation(error) from error
    upload.title, upload.tags, upload.metadata = said.title, said.tags, said.metadata
    upload.on_duplicate = said.on_duplicate


def _bad_field(name: str, message: str) -> InvalidError:
    return InvalidError(message, errors=(FieldProblem(name, message),))


async def _no_pieces() -> AsyncIterator[bytes]:
    return
    yield b""
