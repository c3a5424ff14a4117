"""Whether arguments can be shown to a person exactly as they are."""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

MOST_DEPTH = 16
# Beyond it a page that reads JSON shows another number.
MOST_NUMBER = 2**53
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def unshown(arguments: Mapping[str, Any]) -> str:
    """What of them would look different to whoever reads them; empty for nothing."""
    waiting: list[tuple[Any, int]] = [(arguments, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEPTH:
            return f"The arguments are nested deeper than {MOST_DEPTH} levels."
        if wrong := _wrong(value):
            return wrong
        waiting += ((one, depth + 1) for one in _inside(value))
    return ""


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _wrong(value: Any) -> str:
    if isinstance(value, str) and _NO_TEXT.search(value):
        return "The arguments hold characters that are no text."
    if isinstance(value, int | float) and not (isfinite(value) and abs(value) <= MOST_NUMBER):
        return "The arguments hold a number that cannot be shown exactly; write it as text."
    return ""
