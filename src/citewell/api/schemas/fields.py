"""Kinds of values that requests carry, safe to store and to show."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_DEPTH = 8
MAX_NODES = 1000
MAX_NAMES = 32


class Body(BaseModel):
    """A request; a field that is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """A reply; made from the domain's objects by their field names."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("The character U+0000 cannot be stored.")
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
        _storable(item).encode("utf-8")  # An unpaired surrogate is a ValueError too.
    elif isinstance(item, float) and not math.isfinite(item):
        raise ValueError("Numbers must be finite.")
    elif isinstance(item, int) and item.bit_length() > 64:
        raise ValueError("Whole numbers have at most 64 bits.")
    return []


Text = Annotated[str, AfterValidator(_storable)]
ShortText = Annotated[str, Field(max_length=500), AfterValidator(_storable)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_storable)]
Tags = Annotated[list[Name], Field(max_length=64)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_json)]
CollectionNames = Annotated[
    list[Name],
    Field(
        max_length=MAX_NAMES,
        description="Names or ids; without any, the collection `default`.",
    ),
]
