"""A value of one unit in another one of the same kind, exactly."""

from difflib import get_close_matches
from fractions import Fraction
from functools import cache

from citewell.agent.tools.measures.table import Unit, units
from citewell.domain.errors import InvalidError

LONGEST = 40
_AMBIGUOUS = {
    "ton": "Write tonne, short ton or long ton.",
    "month": "Months and years differ in length: use the dates tool.",
    "year": "Months and years differ in length: use the dates tool.",
    "mb": "Write MB for megabytes, Mbit for megabits.",
    "gb": "Write GB for gigabytes, Gbit for gigabits.",
    "kb": "Write kB for kilobytes, kbit for kilobits.",
    "tb": "Write TB for terabytes, Tbit for terabits.",
}


def unit_named(text: str) -> Unit | None:
    """The unit of this symbol or name, in any of its numbers; None when there is none."""
    written = " ".join(text.split()).strip(".")
    if not written or len(written) > LONGEST:
        return None
    known = _known()
    if (exact := known.get(written)) is not None:
        return exact
    name = written.lower().replace(" ", "_").replace("°", "").replace("degrees", "degree")
    if name in _AMBIGUOUS:
        return None
    # The symbol of one unit in other letters may be another one's: a name is what has more of them.
    return next((known[form] for form in _singular(name) if form in known), None)


def require(text: str) -> Unit:
    """As `unit_named`; raises `InvalidError` with the nearest names."""
    unit = unit_named(text)
    if unit is None:
        name = text.strip().lower()[:LONGEST]
        near = get_close_matches(name, _known(), 3)
        hint = _AMBIGUOUS.get(name.rstrip("s"), f"Did you mean {', '.join(near)}?" if near else "")
        raise InvalidError(f"{text[:LONGEST]!r} is no unit that is known here.", hint=hint)
    return unit


def convert(value: Fraction, unit: Unit, to: Unit) -> Fraction:
    """The value in the other unit; raises `InvalidError` when they measure different things."""
    if unit.kind != to.kind:
        raise InvalidError(
            f"{unit.symbol} measures {unit.kind} and {to.symbol} measures {to.kind}."
        )
    return (value * unit.factor + unit.offset - to.offset) / to.factor


def _singular(name: str) -> list[str]:
    """The name, and what it may be the plural of; the first word of `miles_per_hour` has one."""
    first, per, rest = name.partition("_per_")
    return [
        f"{form}{per}{rest}"
        for form in (
            first, first.removesuffix("s"), first.removesuffix("es"), first.removesuffix("n"),
            first.removesuffix("e"),
        )
    ]  # fmt: skip


@cache
def _known() -> dict[str, Unit]:
    return units()
