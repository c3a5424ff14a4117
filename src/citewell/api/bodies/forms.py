"""Forms as OAuth clients send them: small, in UTF-8, each field once."""

from urllib.parse import parse_qsl

from citewell.api.schemas.fields import MAX_FIELDS
from citewell.domain.errors import FieldProblem, InvalidError, UnsupportedError

MEDIA_TYPE = "application/x-www-form-urlencoded"


def check_form(content_type: str, body: bytes) -> None:
    """Pass for a body that a schema may look at; fields that it does not know are left alone.

    Raises `UnsupportedError` for another kind of body and `InvalidError` for one that is no form.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise UnsupportedError(
            f"The body must be a form, not {kind or 'of an unnamed kind'}.",
            hint=f"Send the header `Content-Type: {MEDIA_TYPE}`.",
        )
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise _invalid(f"This is no form of at most {MAX_FIELDS} fields in UTF-8.") from error
    if len({name for name, _ in fields}) < len(fields):
        # Which of two values counts differs from parser to parser (RFC 6749, section 3.2).
        raise _invalid("A field is there twice.")


def _invalid(message: str) -> InvalidError:
    return InvalidError(
        message,
        hint="Send grant_type=password&username=…&password=…",
        errors=(FieldProblem("body", message),),
    )
