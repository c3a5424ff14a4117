"""Kinds of values that requests carry, safe to store and to show."""

import math
import re
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

MAX_DEPTH = 8
MAX_NODES = 1000
MAX_NAMES = 32
MOST_FACT = 500
# Of a form in a body.
MAX_FIELDS = 16

CONTROLS = "\\u0000-\\u001f\\u007f-\\u009f"
_NOT_IN_A_LINE = re.compile(f"[{CONTROLS}\\u2028\\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = f"[^\\s{CONTROLS}]"
_NAME = f"{_WORD}([^{CONTROLS}]*{_WORD})?"
_NEAT = re.compile(_NAME)


class Body(BaseModel):
    """A request; a field that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Change(Body):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Name at least one field to change.")
        return self


class Shown(BaseModel):
    """A reply; made from the domain's objects by their field names."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def _one_line(text: str) -> str:
    if _NOT_IN_A_LINE.search(text):
        raise ValueError("Write it on one line, without control characters.")
    return _storable(text)


def _neat(text: str) -> str:
    if not _NEAT.fullmatch(text):
        raise ValueError("Write it on one line, without control characters and spaces around it.")
    return _storable(text)


def _whole(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("Input should be a whole number, without quotes.")  # noqa: TRY004  # pydantic's way
    return value


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("The character U+0000 cannot be stored.")
    if _SURROGATE.search(text):
        raise ValueError("Half of a surrogate pair is no character.")
    return text


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    left = MAX_NODES
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError(f"At most {MAX_NODES} values, nested at most {MAX_DEPTH} deep.")
        pending.extend((child, depth + 1) for child in _children(item))
    return value


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, list):
        return item
    if isinstance(item, str):
        _storable(item)
    elif isinstance(item, float) and not math.isfinite(item):
        raise ValueError("Numbers must be finite.")
    elif isinstance(item, int) and item.bit_length() > 64:
        raise ValueError("Whole numbers have at most 64 bits.")
    return []


# What the validators refuse is in the contract too, as a pattern.
_SAID = {"pattern": "^[^\\u0000]*$"}
_SAID_OF_A_LINE = {"pattern": f"^[^{CONTROLS}\\u2028\\u2029]*$"}
_NO_TEXT = "\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f"
# Whatever is blank in Python or ECMAScript, but for controls and ends of lines. What begins a text
# and what it says have no character in common: else a check would try every place to divide it.
_BLANK = " \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\ufeff"
_SAYS = f"[^\\s\\ufeff{CONTROLS}]"
_QUESTION = f"^[\\t\\n\\r\\u2028\\u2029{_BLANK}]*{_SAYS}[^{_NO_TEXT}]*$"
_FACT = f"^[{_BLANK}]*{_SAYS}[^{CONTROLS}\\u2028\\u2029]*$"

Text = Annotated[str, Field(json_schema_extra=_SAID), AfterValidator(_storable)]
ShortText = Annotated[
    str, Field(max_length=500, json_schema_extra=_SAID), AfterValidator(_storable)
]
Description = Annotated[
    str, Field(max_length=2000, json_schema_extra=_SAID), AfterValidator(_storable)
]
Title = Annotated[
    str, Field(max_length=500, json_schema_extra=_SAID_OF_A_LINE), AfterValidator(_one_line)
]
ConversationTitle = Annotated[
    str,
    Field(max_length=200, json_schema_extra=_SAID_OF_A_LINE),
    AfterValidator(_one_line),
]
# Of something to be kept in mind: a line that says something.
Fact = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_FACT,
        json_schema_extra={"pattern": _FACT},
    ),
    AfterValidator(_one_line),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        json_schema_extra={**_SAID_OF_A_LINE, "description": "http or https, without user name."},
    ),
    AfterValidator(_one_line),
]
Name = Annotated[
    str, Field(min_length=1, max_length=100, json_schema_extra=_SAID), AfterValidator(_storable)
]
CollectionName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="One line without spaces around it.",
        json_schema_extra={"pattern": f"^{_NAME}$"},
    ),
    AfterValidator(_neat),
]
# Its length is a setting, which `GET /api/v1/info` tells.
Question = Annotated[
    str,
    Field(
        description="Any text but control characters.",
        json_schema_extra={"minLength": 1, "pattern": _QUESTION},
    ),
    AfterValidator(_storable),
]
# It stands behind the bounds of a field: before them it would keep them out of the contract.
WHOLE = BeforeValidator(_whole)
Tags = Annotated[list[Name], Field(max_length=64)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_json)]
CollectionNames = Annotated[
    list[Name],
    Field(
        max_length=MAX_NAMES,
        description="Names or ids; without any, the collection `default`.",
    ),
]
