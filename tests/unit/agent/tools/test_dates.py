"""Dates: right against the calendar of the standard library, and refused where they are unclear."""

import random
from datetime import date, timedelta

import pytest

from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Setting
from citewell.agent.tools.dates import make
from citewell.agent.tools.days.counting import Shift, read_date, shifted, whole_months, workdays
from citewell.domain.errors import InvalidError

TODAY = date(2026, 3, 14)


@pytest.mark.parametrize(
    "text",
    ["2026-03-14", "14.3.2026", "14.03.2026", "14 March 2026", "14. March 2026", "March 14, 2026",
     "Mar 14th 2026", "today", "  TODAY "],
)  # fmt: skip
def test_a_date_is_read_as_people_write_it(text: str) -> None:
    assert read_date(text, TODAY) == TODAY


@pytest.mark.parametrize(
    "text",
    ["3/4/2026", "2026-02-30", "14-03-2026", "26-03-14", "March 2026", "soon", "", "2026-3",
     "٢٠٢٦-٠٣-١٤", "2026-03-14T10:00", "0-0-0", "99999-01-01"],
)  # fmt: skip
def test_a_date_that_is_unclear_or_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        read_date(text, TODAY)


def test_days_and_workdays_are_counted_as_one_by_one(seed: int) -> None:
    drawn = random.Random(seed)
    for _ in range(300):
        start = date(2000, 1, 1) + timedelta(days=drawn.randrange(10_000))
        days = drawn.randrange(400)
        each = [start + timedelta(days=n) for n in range(1, days + 1)]
        assert workdays(start, start + timedelta(days=days)) == sum(d.weekday() < 5 for d in each)
        months = whole_months(start, start + timedelta(days=days))
        assert shifted(start, Shift(months=months)) <= start + timedelta(days=days)
        assert shifted(start, Shift(months=months + 1)) > start + timedelta(days=days)


@pytest.mark.parametrize(
    ("start", "shift", "end"),
    [
        ("2024-01-31", Shift(months=1), "2024-02-29"),
        ("2024-02-29", Shift(years=1), "2025-02-28"),
        ("2024-03-31", Shift(months=-1), "2024-02-29"),
        ("2024-12-15", Shift(months=1), "2025-01-15"),
        ("2024-01-01", Shift(weeks=2, days=-1), "2024-01-14"),
    ],
)
def test_a_day_that_a_month_does_not_have_becomes_its_last(
    start: str, shift: Shift, end: str
) -> None:
    assert shifted(date.fromisoformat(start), shift) == date.fromisoformat(end)


@pytest.mark.parametrize("shift", [Shift(years=9000), Shift(days=10**9), Shift(months=-30_000)])
def test_a_date_beyond_the_calendar_is_refused(shift: Shift) -> None:
    with pytest.raises(InvalidError):
        shifted(TODAY, shift)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"action": "look_up"},
            "2026-03-14 (Saturday) is in week 11 of 2026, day 73 of the year.",
        ),
        (
            {"action": "between", "date": "2024-01-01", "until": "2024-03-01"},
            "From 2024-01-01 to 2024-03-01 it is 60 days (8 weeks and 4 days; 2 whole months;"
            " 44 days from Monday to Friday).",
        ),
        (
            {"action": "shift", "date": "2024-01-31", "months": 1},
            "2024-02-29 (Thursday) is 1 month after 2024-01-31.",
        ),
        (
            {"action": "shift", "days": -90},
            "2025-12-14 (Sunday) is 90 days before 2026-03-14.",
        ),
        ({"action": "between"}, "`until` is missing. Give both dates."),
        (
            {"action": "shift", "days": 1, "weeks": -1},
            "Years, months, weeks and days go in one direction at a time.",
        ),
    ],
)
async def test_the_tool_says_what_it_reckoned(
    setting: Setting, arguments: dict[str, object], text: str
) -> None:
    used = Toolbox.of(setting.principal, "run-1", [make(setting)], untrusted=False)
    result = await used.call({"name": "dates", "args": arguments, "id": "1"})
    assert result.text == text
