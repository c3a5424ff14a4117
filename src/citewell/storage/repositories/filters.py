"""Filters on documents, made into SQL without ever quoting a caller's word."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from citewell.domain.errors import FieldProblem, InvalidError

MAX_CONDITIONS = 16
MAX_VALUES = 200

_COLUMNS = {
    "title": "d.title",
    "filename": "d.filename",
    "language": "v.language",
    "media_type": "v.media_type",
    "document_id": "d.id::text",
}
_METADATA_KEY = re.compile(r"metadata\.([\w.-]{1,100})")


def compile_filter(wanted: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Conditions over `d` (documents) and `v` (versions), and their parameters.

    Every field must match; a list means any of its values. Raises `InvalidError` naming each field
    that cannot be filtered by.
    """
    if len(wanted) > MAX_CONDITIONS:
        raise InvalidError(f"A filter has at most {MAX_CONDITIONS} fields.")
    parts: list[str] = []
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for number, (field, value) in enumerate(wanted.items()):
        name = f"f{number}"
        try:
            parts.append(_condition(field, name, values))
            values[name] = _texts(value)
        except ValueError as error:
            problems.append(FieldProblem(f"filter.{field}", str(error)))
    if problems:
        raise InvalidError("The filter cannot be used.", errors=tuple(problems))
    return " AND ".join(parts) or "true", values


def _condition(field: str, name: str, values: dict[str, Any]) -> str:
    if field == "tags":
        return f"d.tags && CAST(:{name} AS text[])"
    if field in _COLUMNS:
        return f"{_COLUMNS[field]} = ANY(CAST(:{name} AS text[]))"
    metadata = _METADATA_KEY.fullmatch(field)
    if metadata:
        values[f"{name}_key"] = metadata[1]
        return f"d.metadata ->> CAST(:{name}_key AS text) = ANY(CAST(:{name} AS text[]))"
    known = ", ".join(["tags", *_COLUMNS, "metadata.<key>"])
    raise ValueError(f"Unknown field; these can be filtered by: {known}.")


def _texts(value: Any) -> list[str]:
    many: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    if not many or len(many) > MAX_VALUES:
        raise ValueError(f"Give 1 to {MAX_VALUES} values.")
    if not all(isinstance(one, str | int | float | bool) for one in many):
        raise ValueError("Give a text, a number, true or false, or a list of them.")
    return [str(one).lower() if isinstance(one, bool) else _storable(str(one)) for one in many]


def _storable(one: str) -> str:
    if "\x00" in one or any("\ud800" <= character <= "\udfff" for character in one):
        raise ValueError("Leave out NUL characters and broken Unicode: no text holds them.")
    return one
