"""Questions about days of the calendar."""

from datetime import date

from citewell.agent.tools.days.counting import read_date
from citewell.domain.errors import InvalidError

_TODAY = frozenset({
    "what is the date today", "what is today's date", "what's the date today", "what day is it",
    "what's today's date", "what is the date", "what day is it today", "what day is today",
    "which day is today", "what date is it today", "what is today", "welcher tag ist heute",
    "welches datum ist heute", "welches datum haben wir heute", "der wievielte ist heute",
    "quel jour sommes-nous", "quelle est la date d'aujourd'hui", "qué día es hoy",
    "cuál es la fecha de hoy",
})  # fmt: skip
_WEEKDAY = (
    "what day of the week is ", "what day of the week was ", "what day of the week will be ",
    "what weekday is ", "what weekday was ", "which weekday is ", "which weekday was ",
    "what day is ", "what day was ", "welcher wochentag ist der ", "welcher wochentag war der ",
    "welcher wochentag ist ", "welcher wochentag war ",
)  # fmt: skip
_BETWEEN = (
    "how many days are there between ", "how many days are between ", "how many days between ",
    "how many days is it from ", "how many days are there from ", "how many days from ",
    "wie viele tage liegen zwischen ", "wie viele tage sind es von ",
)  # fmt: skip
_AND = (" and ", " to ", " until ", " till ", " und ", " bis ")
_UNTIL = ("how many days until ", "how many days are there until ", "wie viele tage sind es bis ")
_SINCE = ("how many days since ", "how many days are there since ")
_SHIFTED = ("what date is ", "which date is ", "what day is ", "what is the date ", "when is ")
_UNITS = {"day": "days", "week": "weeks", "month": "months", "year": "years"}
_SIDES = {"after": 1, "from": 1, "before": -1}

Call = dict[str, str | int]


def about_today(asked: str) -> Call | None:
    """The arguments of the dates tool for a question about this very day."""
    return {"action": "look_up", "date": "today"} if asked.lower() in _TODAY else None


def read(asked: str, today: date) -> Call | None:
    """The arguments of the dates tool, None for what is not wholly about dates that can be read."""
    lower = asked.lower()
    return _shifted(lower, today) or _weekday(lower, today) or _between(lower, today)


def _weekday(asked: str, today: date) -> Call | None:
    said = _after(asked, _WEEKDAY)
    return {"action": "look_up", "date": said} if said and _is_date(said, today) else None


def _between(asked: str, today: date) -> Call | None:
    pairs = [("today", _after(asked, _UNTIL)), (_after(asked, _SINCE), "today")]
    said = _after(asked, _BETWEEN)
    pairs += [(first, second) for word in _AND for first, _, second in [said.partition(word)]]
    for first, second in pairs:
        if first and second and _is_date(first, today) and _is_date(second, today):
            return {"action": "between", "date": first, "until": second}
    return None


def _shifted(asked: str, today: date) -> Call | None:
    """`90 days after 2026-03-14`, `3 weeks from today`, `2 weeks ago`."""
    words = _after(asked, _SHIFTED).split()
    if len(words) < 3 or not words[0].isdecimal() or len(words[0]) > 6:
        return None
    unit = _UNITS.get(words[1].removesuffix("s"))
    if unit is None:
        return None
    side, start = _SIDES.get(words[2], 0), " ".join(words[3:])
    if words[2:] == ["ago"]:
        side, start = -1, "today"
    start = "today" if start == "now" else start
    if not side or not _is_date(start, today):
        return None
    return {"action": "shift", "date": start, unit: side * int(words[0])}


def _after(asked: str, beginnings: tuple[str, ...]) -> str:
    """What follows the first of the beginnings that fits, empty when none does."""
    found = next((one for one in beginnings if asked.startswith(one)), None)
    return "" if found is None else asked[len(found) :].strip()


def _is_date(text: str, today: date) -> bool:
    try:
        read_date(text, today)
    except InvalidError:
        return False
    return True
