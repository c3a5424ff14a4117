"""Questions that ask for a value in another unit."""

from citewell.agent.tools.arithmetic.calculation import calculate
from citewell.agent.tools.measures.conversion import unit_named
from citewell.domain.errors import AppError

_BEFORE = (
    "convert", "what is", "what's", "what are", "how much is", "how much are", "was sind",
    "was ist", "wie viel ist", "wie viel sind", "combien font", "cuánto es", "cuánto son",
)  # fmt: skip
_BETWEEN = (" in ", " to ", " into ", " as ", " en ", " a ", " zu ")
_HOW_MANY = ("how many ", "wie viele ", "combien de ", "cuántos ", "cuántas ")
_ARE_IN = (
    " are there in ", " is there in ", " are in ", " is in ", " are ", " is ", " in ", " sind ",
    " hat ", " dans ", " hay en ",
)  # fmt: skip
_ONE = frozenset({"a", "an", "one", "ein", "eine", "einem", "einer", "un", "une", "una"})


def read(asked: str) -> dict[str, str | int] | None:
    """The converter's arguments, None unless all words are a value and two units of one kind."""
    lower = asked.lower()
    for how_many in _HOW_MANY:
        if lower.startswith(how_many):
            return _how_many(asked[len(how_many) :])
    begins = next((one for one in _BEFORE if lower.startswith(f"{one} ")), "")
    said = asked[len(begins) :].strip()
    for between in _BETWEEN:
        measured, found, to = said.rpartition(between)
        if found and (arguments := _arguments(measured, to)) is not None:
            return arguments
    return None


def _how_many(said: str) -> dict[str, str | int] | None:
    for are_in in _ARE_IN:
        to, found, measured = said.partition(are_in)
        if found and (arguments := _arguments(measured, to)) is not None:
            return arguments
    return None


def _arguments(measured: str, to: str) -> dict[str, str | int] | None:
    value, unit = _divided(measured.strip())
    given, wanted = unit_named(unit), unit_named(to)
    if given is None or wanted is None or given.kind != wanted.kind:
        return None
    try:
        calculate(value)
    except AppError:
        return None
    return {"value": value, "unit": unit, "to": to.strip()}


def _divided(measured: str) -> tuple[str, str]:
    """The value and its unit, `5 km` or `5km`; `a mile` is one."""
    first, _, rest = measured.partition(" ")
    if first.lower() in _ONE:
        return "1", rest
    end = next(
        (at for at, one in enumerate(measured) if not (one.isdigit() or one in "+-−.,/* ")),
        len(measured),
    )
    return measured[:end].strip(), measured[end:].strip()
