"""JSON as it may come in: UTF-8, finite, each name once; anything else is refused with a reason."""

import json
from typing import Any, NoReturn

from citewell.domain.errors import FieldProblem, InvalidError, UnsupportedError

MEDIA_TYPE = "application/json"


class _RefusedError(ValueError):
    """Python's parser would take it; ours does not."""


def check_json(content_type: str, body: bytes) -> Any:
    """The value of a body that a schema may look at.

    Raises `UnsupportedError` for another kind of body and `InvalidError` for one that is no JSON.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise UnsupportedError(
            f"The body must be JSON, not {kind or 'of an unnamed kind'}.",
            hint=f"Send the header `Content-Type: {MEDIA_TYPE}`.",
        )
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid("body", f"This is not UTF-8, from byte {error.start} on.") from error
    if not text.strip():
        raise _invalid("body", "The body is empty.")
    return parse_json(text, field="body")


def parse_json(text: str, *, field: str) -> Any:
    """The value that `text` stands for; raises `InvalidError` naming `field`."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_not_a_number)
    except _RefusedError as error:
        raise _invalid(field, str(error)) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _invalid(field, f"This is not JSON: {error.msg} at {where}.") from error
    except RecursionError as error:
        raise _invalid(field, "This is nested too deeply.") from error
    except ValueError as error:
        # Python reads no whole number of more than 4,300 digits.
        raise _invalid(field, "A number has too many digits.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which of two values counts differs from parser to parser (RFC 8259, section 4).
        raise _RefusedError("A name is there twice in one object.")
    return found


def _not_a_number(name: str) -> NoReturn:
    raise _RefusedError(f"JSON has no {name}.")


def _invalid(field: str, message: str) -> InvalidError:
    return InvalidError(
        message,
        hint='Send one JSON object in UTF-8, such as {"input": "What is this?"}.'
        if field == "body"
        else "Send one JSON object.",
        errors=(FieldProblem(field, message),),
    )
