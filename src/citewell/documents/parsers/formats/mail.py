"""E-mail as files: the head that a reader cares for, the body, and attachments that can be read."""

import re
from collections.abc import Callable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

from citewell.documents.parsers.decoding import as_declared, decode, without_controls
from citewell.documents.parsers.formats.pdf import joined
from citewell.documents.parsers.formats.web import read_html
from citewell.documents.parsers.media import MEDIA_TYPES, Media
from citewell.domain.documents import PageSpan, ParsedText, TextKind
from citewell.domain.errors import DocumentError

ReadAttachment = Callable[[bytes, str], ParsedText]

_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_MAX_ATTACHMENTS = 20
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FOLD = re.compile(r"\r?\n[ \t]*")
_HTML = Media(MEDIA_TYPES["html"], "html")

_Named = tuple[str, bytes]


def read_mail(data: bytes, media: Media, read_attachment: ReadAttachment) -> ParsedText:
    """Head, body and attachments; a `PageSpan` for each where there are attachments.

    The plain body wins over the one in HTML. An attachment that cannot be read is named in a
    warning with the reason.
    """
    if data.startswith(_WIDE_MARKS):
        data = decode(data).text.encode()
    message = BytesParser(policy=compat32).parsebytes(data)
    head = {name: value for name in _SHOWN if (value := _header(message, name))}
    body = "\n\n".join(_bodies(message))
    lines = "\n".join(f"{name}: {value}" for name, value in head.items())
    first = f"{lines}\n\n{body}".strip()
    labels, texts, warnings = [""], [first], list[str]()
    for name, content in _attachments(message):
        try:
            attached = read_attachment(content, name)
        except DocumentError as error:
            warnings.append(f"The attachment {name} was not read: {error.message}")
            continue
        labels.append(name)
        texts.append(f"Attachment: {name}\n\n{attached.text.strip()}")
    text, spans = joined(texts)
    pages = [PageSpan(s.number, s.start, s.end, labels[s.number - 1]) for s in spans]
    return ParsedText(
        text,
        TextKind.PROSE,
        pages=tuple(pages) if len(pages) > 1 else (),
        title=head.get("Subject", ""),
        metadata=_metadata(head, labels[1:]),
        warnings=tuple(warnings),
        parser=media.format,
    )


def _metadata(head: dict[str, str], attachments: list[str]) -> dict[str, str]:
    kept = {"from_email": "From", "to_emails": "To", "cc_emails": "Cc", "created_at": "Date"}
    found = {key: head[name][:2_000] for key, name in kept.items() if name in head}
    return {**found, "attachments": ", ".join(attachments)} if attachments else found


def _bodies(message: Message) -> Iterator[str]:
    """The texts that a reader sees, one for each set of alternatives."""
    if _is_attachment(message):
        return
    kind = message.get_content_type()
    if kind == "multipart/alternative":
        yield from _preferred(_children(message))
    elif message.is_multipart():
        if kind == "message/rfc822":
            yield _forwarded(message)
        for child in _children(message):
            yield from _bodies(child)
    elif kind == "text/html":
        yield _html(message)
    elif message.get_content_maintype() == "text":
        yield _plain(message)


def _preferred(alternatives: list[Message]) -> Iterator[str]:
    for kind in ("text/plain", ""):
        for one in alternatives:
            found = list(_bodies(one)) if one.get_content_type().startswith(kind) else []
            if any(text.strip() for text in found):
                yield from found
                return


def _children(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []


def _forwarded(message: Message) -> str:
    inner = _children(message)[0]
    said = [f"{name}: {value}" for name in _SHOWN if (value := _header(inner, name))]
    return "\n".join(["Forwarded message", *said])


def _is_attachment(message: Message) -> bool:
    if message.get_content_disposition() == "attachment":
        return message.get_content_type() != "message/rfc822"
    return bool(message.get_filename()) and message.get_content_maintype() != "text"


def _attachments(message: Message) -> list[_Named]:
    found: list[_Named] = []
    for part in message.walk():
        if part.is_multipart() or not _is_attachment(part) or len(found) == _MAX_ATTACHMENTS:
            continue
        name = _decoded_words(part.get_filename() or "unnamed")
        found.append((name.replace("/", " ")[:200], _content(part)))
    return found


def _html(part: Message) -> str:
    text = _text(_content(part), part.get_content_charset() or "")
    return read_html(text.encode(), _HTML).text


def _plain(part: Message) -> str:
    return without_controls(_text(_content(part), part.get_content_charset() or "")).strip()


def _text(content: bytes, charset: str) -> str:
    text = as_declared(content, charset)
    if text is not None:
        return text
    try:
        return decode(content).text
    except DocumentError:
        # One part that is no text does not make the whole message unreadable.
        return content.decode("utf-8", errors="replace")


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _header(message: Message, name: str) -> str:
    raw = next((str(v) for k, v in message.raw_items() if k.lower() == name.lower()), "")
    return _decoded_words(_FOLD.sub(" ", raw))


def _decoded_words(raw: str) -> str:
    """A header's value with its encoded words decoded, and bytes that should not be there."""
    content = raw.encode("utf-8", "surrogateescape")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    try:
        parts = [_word(part, charset) for part, charset in decode_header(text)]
    except (HeaderParseError, ValueError):
        return without_controls(text).strip()
    return " ".join(without_controls("".join(parts)).split())


def _word(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    if charset is None:
        return part.decode("raw-unicode-escape")
    return _text(part, charset)
