"""The tool that reckons with dates."""

from datetime import date
from functools import partial
from typing import Literal

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Setting, Tool
from citewell.agent.tools.days.counting import (
    WEEKDAYS,
    Shift,
    read_date,
    shifted,
    whole_months,
    workdays,
)
from citewell.domain.errors import InvalidError

DESCRIPTION = (
    "Reckon with calendar dates. 'look_up' gives weekday and week of a date, 'between' the days"
    " from `date` to `until`, 'shift' the date so many years, months, weeks and days away. `today`"
    " is a date too; days are those of UTC."
)


class Reckoned(Arguments):
    """What to reckon."""

    action: Literal["look_up", "between", "shift"]
    date: str = Field("today", description="Such as 2026-03-14 or today.")
    until: str = Field("", description="The second date, for between.")
    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0


def make(setting: Setting) -> Tool:
    """Dates, as seen from the moment at which the run began."""
    return Tool(
        StructuredTool.from_function(
            coroutine=partial(_reckoned, setting.now.date()),
            name="dates",
            description=DESCRIPTION,
            args_schema=Reckoned,
        ),
        own_words=True,
    )


async def _reckoned(today: date, **given: object) -> str:
    asked = Reckoned.model_validate(given)
    start = read_date(asked.date, today)
    match asked.action:
        case "look_up":
            year, week, _ = start.isocalendar()
            day = start.timetuple().tm_yday
            return f"{_named(start)} is in week {week} of {year}, day {day} of the year."
        case "shift":
            shift = Shift(asked.years, asked.months, asked.weeks, asked.days)
            return f"{_named(shifted(start, shift))} is {_said(shift)} {_side(shift)} {start}."
        case "between":
            if not asked.until:
                raise InvalidError("`until` is missing.", hint="Give both dates.")
            return _between(start, read_date(asked.until, today))


def _between(start: date, end: date) -> str:
    first, last = sorted((start, end))
    days = (last - first).days
    weeks, rest = divmod(days, 7)
    parts = [f"{_counted(weeks, 'week')} and {_counted(rest, 'day')}"] if weeks else []
    if months := whole_months(first, last):
        parts.append(_counted(months, "whole month"))
    parts.append(f"{_counted(workdays(first, last), 'day')} from Monday to Friday")
    backwards = " back" if end < start else ""
    return f"From {start} to {end} it is {_counted(days, 'day')}{backwards} ({'; '.join(parts)})."


def _named(day: date) -> str:
    return f"{day} ({WEEKDAYS[day.weekday()]})"


def _said(shift: Shift) -> str:
    units = ("years", "months", "weeks", "days")
    amounts = [(getattr(shift, unit), unit.removesuffix("s")) for unit in units]
    said = [_counted(abs(amount), unit) for amount, unit in amounts if amount]
    if len({amount > 0 for amount, _ in amounts if amount}) > 1:
        raise InvalidError("Years, months, weeks and days go in one direction at a time.")
    return ", ".join(said) or "0 days"


def _side(shift: Shift) -> str:
    return "before" if min(shift.years, shift.months, shift.weeks, shift.days) < 0 else "after"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
