"""Texts that make a pattern of backtracking do its worst, made from the pattern itself.

A text is a head that leads the pattern to one of its repetitions, something that this repetition
takes, over and over, and a tail that it does not take.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")

TAILS = ("", "!", "\n", "a")
# What people type, and what the collected attacks repeat.
EVERYDAY = (
    "a",
    " ",
    "\n",
    "\t",
    "a ",
    "a\n",
    " \n",
    "1",
    "A",
    "-",
    "_",
    "(",
    "[",
    "<",
    '"',
    "é",
    "的",
)
# What a repetition may be tried behind of, apart from what the pattern itself asks for.
FRONTS = ("", "a", "x \n")
FEW = 12
_CLASSES = {
    "CATEGORY_DIGIT": "1",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "!",
}
_ANYTHING = "a1 \n!<\t(-\"'的"
_Items = Sequence[tuple[Any, Any]]


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Head, what to repeat, and tail, each combination once."""
    tree = _parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    steps = list(dict.fromkeys(_steps(list(tree), "")))
    heads = list(dict.fromkeys(["", *(head for head, _ in steps)]))
    pumps = [pump for pump in dict.fromkeys(pump for _, pump in steps) if pump]
    pairs = [one + other for one, other in product(pumps[:FEW], repeat=2) if one != other]
    tried = [
        *((head, pump) for head, pump in steps if pump),
        *product(FRONTS, (*pumps, *EVERYDAY)),
        *(("", pump) for pump in (*pairs, *heads) if pump),
        *product(heads[-FEW:], EVERYDAY),
    ]
    for head, pump in dict.fromkeys(tried):
        for tail in TAILS:
            yield head, pump, tail


def _steps(items: _Items, head: str) -> Iterator[tuple[str, str]]:
    """Each place in a pattern: what leads there, and what may stand there."""
    for item in items:
        sample = _sample(item)
        yield head, sample
        yield from ((head, one) for one in _choices(item))
        for inner in _inside(item):
            yield from _steps(inner, head)
        head += sample
    yield head, ""


def _inside(item: tuple[Any, Any]) -> list[_Items]:
    kind, value = item
    match str(kind):
        case "BRANCH":
            return [list(one) for one in value[1]]
        case "SUBPATTERN":
            return [list(value[3])]
        case "ATOMIC_GROUP":
            return [list(value)]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return [list(value[2])]
        case "ASSERT" | "ASSERT_NOT":
            return [list(value[1])]
    return []


def _choices(item: tuple[Any, Any]) -> list[str]:
    """Some characters of a class; nothing for what is none."""
    kind, members = item
    if str(kind) != "IN" or members[0][0] is _constants.NEGATE:
        return []
    return [_sample(member) for member in members[:FEW]]


def _sample(item: tuple[Any, Any]) -> str:
    """A text that one item takes, as short as it may be but never empty where it can be more."""
    kind, value = str(item[0]), item[1]
    if kind in _SAMPLES:
        return _SAMPLES[kind](value)
    inside = _inside(item)
    if not inside:
        raise ValueError(f"Nobody has thought of {kind} in patterns yet.")
    times = max(1, min(value[0], 50)) if kind.endswith("_REPEAT") else 1
    return "".join(map(_sample, inside[0])) * times


def _member(members: _Items) -> str:
    if members[0][0] is not _constants.NEGATE:
        return _sample(members[0])
    return next((one for one in _ANYTHING if not _holds(members[1:], one)), "\U0001f40e")


def _holds(members: _Items, one: str) -> bool:
    for kind, value in members:
        match str(kind):
            case "LITERAL" if chr(value) == one:
                return True
            case "RANGE" if value[0] <= ord(one) <= value[1]:
                return True
            case "CATEGORY" if _is_of(str(value), one):
                return True
    return False


def _is_of(category: str, one: str) -> bool:
    return re.match("\\" + _LETTERS[category], one) is not None


_LETTERS = {
    "CATEGORY_DIGIT": "d",
    "CATEGORY_NOT_DIGIT": "D",
    "CATEGORY_SPACE": "s",
    "CATEGORY_NOT_SPACE": "S",
    "CATEGORY_WORD": "w",
    "CATEGORY_NOT_WORD": "W",
}

_SAMPLES: dict[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda value: "a" if value != ord("a") else "b",
    "RANGE": lambda value: chr(value[0]),
    "CATEGORY": lambda value: _CLASSES[str(value)],
    "ANY": lambda _: "a",
    "IN": _member,
    **dict.fromkeys(("ASSERT", "ASSERT_NOT", "AT", "GROUPREF"), lambda _: ""),
}
