"""What passes between the processes that read a file: jobs, results, reports of an end."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson

from citewell.domain.documents import Heading, PageSpan, ParsedText, TextKind
from citewell.domain.errors import DocumentError

LENGTH_BYTES = 8
READY = b"ready"
UNCONFINED_EXIT = 77


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A file to read: its name, the limits on memory (bytes), CPU (seconds), text (characters)."""

    filename: str
    memory_bytes: int
    cpu_seconds: int
    text_chars: int

    def encode(self) -> bytes:
        """One message on the control socket; the name is shortened from the left."""
        return orjson.dumps(dataclasses.replace(self, filename=self.filename[-255:]))

    @classmethod
    def decode(cls, message: bytes) -> "Job":
        """The inverse of `encode`."""
        return cls(**orjson.loads(message))


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: exit code (negative: by that signal), peak memory, its last words."""

    exit_code: int
    peak_bytes: int
    last_words: str

    def encode(self) -> bytes:
        """One short message on the status socket."""
        return orjson.dumps(self)

    @classmethod
    def decode(cls, message: bytes) -> "Ending":
        """The inverse of `encode`."""
        return cls(**orjson.loads(message))


def framed(result: ParsedText | DocumentError) -> bytes:
    """A result behind its length in eight bytes, big-endian."""
    if isinstance(result, DocumentError):
        body = {"reason": result.reason, "message": result.message, "hint": result.hint}
        payload = orjson.dumps({"error": {k: _valid(v) for k, v in body.items()}})
    else:
        payload = orjson.dumps({"text": result})
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def unframed(frame: bytes | bytearray) -> ParsedText | DocumentError | None:
    """The inverse of `framed`; None for a frame that is not whole."""
    payload = memoryview(frame)[LENGTH_BYTES:]
    if len(frame) < LENGTH_BYTES or len(payload) != int.from_bytes(frame[:LENGTH_BYTES], "big"):
        return None
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if "error" in message:
        return _error(message["error"])
    return _text(message["text"])


def _error(fields: Mapping[str, str]) -> DocumentError:
    return DocumentError(fields["reason"], fields["message"], hint=fields["hint"])


def _text(fields: dict[str, Any]) -> ParsedText:
    return ParsedText(
        **{
            **fields,
            "kind": TextKind(fields["kind"]),
            "pages": tuple(PageSpan(**page) for page in fields["pages"]),
            "headings": tuple(Heading(**heading) for heading in fields["headings"]),
            "warnings": tuple(fields["warnings"]),
        }
    )


def _valid(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")
