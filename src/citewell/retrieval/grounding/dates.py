"""Days and months of a text, however they are written; a year is a number like others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from citewell.retrieval.grounding.number_words import MONTHS

_NAMES = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_DAY = r"(?<!\d)(?P<day>[12]?\d|3[01])"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_DAY}(?:st|nd|rd|th|er|\.)?[ \u00a0](?:of |de )?(?P<month>{_NAMES})(?!\w)",
        rf"(?<!\w)(?P<month>{_NAMES})\.?[ \u00a0](?:the )?(?P<day>[12]?\d|3[01])"
        r"(?:st|nd|rd|th)?(?!\w|[.,]\d)",
        r"(?<!\d)(?P<m>1[0-2]|[1-9])月(?P<day>[12]?\d|3[01])日",
        r"(?<!\d)(?P<year>(?:1\d|20)\d\d)-(?P<m>0\d|1[0-2])-(?P<day>[0-2]\d|3[01])(?!\d)",
    )
)
# Whether the day or the month comes first is not always to be seen.
_EITHER = re.compile(r"(?<![\d.])(\d{1,2})([./])[ ]?(\d{1,2})\2[ ]?((?:1\d|20)?\d\d)(?!\d)")
_MONTH_OF_YEAR = re.compile(
    rf"(?<!\w)({_NAMES})\.?,? (?:of |de |del )?(?=(?:1\d|20)\d\d(?!\d))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a month at `start`..`end`, as the `month-day` that it can be read as.

    A month alone, with a year behind it, is `month-`. `year` is what stands between them, if any.
    """

    start: int
    end: int
    readings: frozenset[str]
    year: str = ""


def days_of(text: str) -> list[Day]:
    """Every day that the text names, and every month of a year."""
    return [*_named(text), *_either(text), *_months(text)]


def _named(text: str) -> Iterator[Day]:
    for pattern in _PATTERNS:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            month = int(parts["m"]) if "m" in parts else MONTHS[parts["month"].lower()]
            yield Day(
                *found.span(), frozenset({f"{month}-{int(parts['day'])}"}), parts.get("year", "")
            )


def _either(text: str) -> Iterator[Day]:
    for found in _EITHER.finditer(text):
        one, other = int(found[1]), int(found[3])
        pairs = ((one, other), (other, one))
        readings = {f"{month}-{day}" for month, day in pairs if 1 <= month <= 12 and 1 <= day <= 31}
        if readings:
            yield Day(*found.span(), frozenset(readings), found[4] if len(found[4]) == 4 else "")


def _months(text: str) -> Iterator[Day]:
    for found in _MONTH_OF_YEAR.finditer(text):
        yield Day(*found.span(1), frozenset({f"{MONTHS[found[1].lower()]}-"}))
