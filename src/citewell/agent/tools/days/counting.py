"""Dates of the Gregorian calendar: read, counted between, and added to."""

import calendar
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta

from citewell.domain.errors import InvalidError

MOST_SHIFT = 1_000_000
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = {
    name.lower(): number
    for number in range(1, 13)
    for name in (calendar.month_name[number], calendar.month_abbr[number])
} | {"sept": 9}
_NEAR = {"today": 0, "tomorrow": 1, "yesterday": -1, "heute": 0, "morgen": 1, "gestern": -1}


@dataclass(frozen=True, slots=True)
class Shift:
    """How far to go; years and months first, then weeks and days. Negative is back."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0


def read_date(text: str, today: date) -> date:
    """A date as `2026-03-14`, `14.3.2026`, `14 March 2026`, `March 14, 2026`, or `today`.

    Raises `InvalidError`; a date with slashes is refused, since nobody knows which part is the day.
    """
    written = " ".join(text.lower().replace(",", " ").split())
    if written in _NEAR:
        return today + timedelta(days=_NEAR[written])
    parts = _parts(written)
    if parts is None:
        raise InvalidError(
            f"{text[:40]!r} is no date that can be read.", hint="Write it as 2026-03-14."
        )
    try:
        return date(*parts)
    except ValueError as error:
        raise InvalidError(f"There is no {text[:40]!r} in the calendar.") from error


def shifted(start: date, shift: Shift) -> date:
    """The date so far away; a day that its month does not have becomes its last one."""
    if max(map(abs, (shift.years, shift.months, shift.weeks, shift.days))) > MOST_SHIFT:
        raise InvalidError(f"At most {MOST_SHIFT:,} days, weeks, months or years are added.")
    months = start.year * 12 + start.month - 1 + shift.years * 12 + shift.months
    year, month = divmod(months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise _outside()
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    try:
        return date(year, month + 1, day) + timedelta(days=shift.days, weeks=shift.weeks)
    except OverflowError as error:
        raise _outside() from error


def whole_months(start: date, end: date) -> int:
    """How many whole months lie between, for `start` not after `end`."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if shifted(start, Shift(months=months)) <= end else months - 1


def workdays(start: date, end: date) -> int:
    """Days from Monday to Friday after `start`, up to and with `end`; holidays are not known."""
    weeks, rest = divmod((end - start).days, 7)
    following = (start.weekday() + 1 + n for n in range(rest))
    return weeks * 5 + sum(day % 7 < 5 for day in following)


def _parts(written: str) -> tuple[int, int, int] | None:
    """Year, month and day, not checked against the calendar."""
    words = written.split()
    if len(words) == 1:
        for sign, order in (("-", (0, 1, 2)), (".", (2, 1, 0))):
            pieces = words[0].split(sign)
            if len(pieces) == 3 and all(_is_number(one) for one in pieces):
                year, month, day = (pieces[place] for place in order)
                return (int(year), int(month), int(day)) if len(year) == 4 else None
        return None
    if len(words) != 3:
        return None
    first, second, year = words
    day, month = (second, first) if first in _MONTHS else (first, second)
    day = day.rstrip(".") if day.endswith(".") else day[:-2] if day[-2:] in _ORDINAL else day
    if month.rstrip(".") not in _MONTHS or not (_is_number(day) and _is_number(year)):
        return None
    return int(year), _MONTHS[month.rstrip(".")], int(day)


_ORDINAL = frozenset({"st", "nd", "rd", "th"})


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _outside() -> InvalidError:
    return InvalidError(f"The date lies outside of the years {MINYEAR} to {MAXYEAR}.")
