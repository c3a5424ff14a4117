"""Cursors: where a page ended, opaque to clients."""

import base64
import binascii
from uuid import UUID

from citewell.domain.errors import FieldProblem, InvalidError


def encode(place: object) -> str:
    """A cursor for the place where a page ended."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def decode_text(cursor: str) -> str:
    """The place as text; raises `InvalidError` for what was never a cursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = base64.b64decode(padded, altchars=b"-_", validate=True).decode("utf-8")
    except (UnicodeError, binascii.Error) as error:
        raise _not_ours() from error
    if "\x00" in place:
        raise _not_ours()
    return place


def decode_id(cursor: str) -> UUID:
    """The place as an id; raises `InvalidError`."""
    try:
        return UUID(decode_text(cursor))
    except ValueError as error:
        raise _not_ours() from error


def decode_number(cursor: str) -> int:
    """The place as a number from 0; raises `InvalidError`."""
    place = decode_text(cursor)
    if not place.isascii() or not place.isdecimal() or len(place) > 9:
        raise _not_ours()
    return int(place)


def next_cursor(places: list[object], limit: int) -> str | None:
    """The cursor after a page of `limit`, or None when it was not full: the last one."""
    return encode(places[-1]) if len(places) >= limit else None


def _not_ours() -> InvalidError:
    return InvalidError(
        "This cursor is not one of ours.",
        hint="Use `next_cursor` of the page before, unchanged.",
        errors=(FieldProblem("cursor", "Not a cursor."),),
    )
