"""Exact numbers with a bound on their size, and those that can only be approximated.

Every result is checked before anybody computes with it again; what could grow without measure, a
power, is judged before it is computed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction

from citewell.agent.tools.arithmetic.symbols import MOST_DIGITS
from citewell.domain.errors import InvalidError

MOST_BITS = int(MOST_DIGITS * math.log2(10)) + 1
MOST_PLACES = 100
PRECISION = 50
_APPROXIMATE = Context(
    prec=PRECISION,
    Emax=MOST_DIGITS,
    Emin=-MOST_DIGITS,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)


@dataclass(frozen=True, slots=True)
class Value:
    """A number; not `exact`, it is right to about `PRECISION` digits."""

    number: Fraction
    exact: bool = True


Operation = Callable[[Value, Value], Value]
Function = Callable[[Sequence[Value]], Value]


def bounded(number: Fraction | int, *, exact: bool = True) -> Value:
    """The value, when it is not larger or finer than is computed; raises `InvalidError`."""
    fraction = Fraction(number)
    if max(fraction.numerator.bit_length(), fraction.denominator.bit_length()) > MOST_BITS:
        raise _too_large()
    return Value(fraction, exact)


def power(base: Value, exponent: Value) -> Value:
    """`base ** exponent`; a whole exponent gives an exact result."""
    number, wanted = base.number, exponent.number
    exact = base.exact and exponent.exact
    if number == 0 and wanted < 0:
        raise _by_zero()
    if wanted.denominator == 1:
        return bounded(_whole_power(number, wanted.numerator), exact=exact)
    if number < 0:
        raise InvalidError("A negative number has no power with a broken exponent among the reals.")
    if wanted == Fraction(1, 2):
        return square_root([base])
    return _approximate(lambda: _APPROXIMATE.power(_decimal(number), _decimal(wanted)))


def square_root(values: Sequence[Value]) -> Value:
    """Exact for the squares of fractions."""
    number = values[0].number
    if number < 0:
        raise InvalidError("A negative number has no square root among the reals.")
    roots = math.isqrt(number.numerator), math.isqrt(number.denominator)
    root = Fraction(*roots)
    if root * root == number:
        return Value(root, values[0].exact)
    return _approximate(lambda: _APPROXIMATE.sqrt(_decimal(number)))


def rounded(values: Sequence[Value]) -> Value:
    """To whole numbers, or to so many decimals; halves away from zero."""
    places = values[1].number if len(values) > 1 else Fraction(0)
    if places.denominator != 1 or abs(places) > MOST_PLACES:
        raise InvalidError(f"round takes whole decimals, at most {MOST_PLACES}.")
    unit = Fraction(10) ** places.numerator
    number = values[0].number * unit
    nearest = math.floor(abs(number) + Fraction(1, 2))
    return bounded(Fraction(nearest if number >= 0 else -nearest) / unit, exact=values[0].exact)


def _added(a: Value, b: Value) -> Value:
    return bounded(a.number + b.number, exact=a.exact and b.exact)


def _less(a: Value, b: Value) -> Value:
    return bounded(a.number - b.number, exact=a.exact and b.exact)


def _times(a: Value, b: Value) -> Value:
    return bounded(a.number * b.number, exact=a.exact and b.exact)


def _divided(a: Value, b: Value) -> Value:
    return bounded(a.number / _divisor(b), exact=a.exact and b.exact)


def _whole_parts(a: Value, b: Value) -> Value:
    return bounded(a.number // _divisor(b), exact=a.exact and b.exact)


def _rest(a: Value, b: Value) -> Value:
    return bounded(a.number % _divisor(b), exact=a.exact and b.exact)


def _total(values: Sequence[Value]) -> Value:
    total = Value(Fraction(0))
    for one in values:
        total = _added(total, one)
    return total


def _mean(values: Sequence[Value]) -> Value:
    return _divided(_total(values), Value(Fraction(len(values))))


def _least(values: Sequence[Value]) -> Value:
    return min(values, key=lambda one: one.number)


def _greatest(values: Sequence[Value]) -> Value:
    return max(values, key=lambda one: one.number)


def _size(values: Sequence[Value]) -> Value:
    return Value(abs(values[0].number), values[0].exact)


def _floor(values: Sequence[Value]) -> Value:
    return bounded(math.floor(values[0].number), exact=values[0].exact)


def _ceiling(values: Sequence[Value]) -> Value:
    return bounded(math.ceil(values[0].number), exact=values[0].exact)


OPERATIONS: Mapping[str, Operation] = {
    "+": _added,
    "-": _less,
    "*": _times,
    "/": _divided,
    "//": _whole_parts,
    "%": _rest,
    "**": power,
}
# Each with the least and the most arguments that it takes.
FUNCTIONS: Mapping[str, tuple[Function, int, int]] = {
    "sqrt": (square_root, 1, 1),
    "round": (rounded, 1, 2),
    "abs": (_size, 1, 1),
    "floor": (_floor, 1, 1),
    "ceil": (_ceiling, 1, 1),
    "min": (_least, 1, 100),
    "max": (_greatest, 1, 100),
    "sum": (_total, 1, 100),
    "mean": (_mean, 1, 100),
}


def _whole_power(number: Fraction, exponent: int) -> Fraction:
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    if bits == 1:
        # 0, 1 and -1 stay what they are, however often they are multiplied.
        return number ** (exponent % 2 or 2 * (exponent != 0))
    if (bits - 1) * abs(exponent) > MOST_BITS:
        raise _too_large()
    return number**exponent


def _approximate(compute: Callable[[], Decimal]) -> Value:
    try:
        return bounded(Fraction(compute()), exact=False)
    except DecimalException as error:
        raise _too_large() from error


def _decimal(number: Fraction) -> Decimal:
    return _APPROXIMATE.divide(Decimal(number.numerator), Decimal(number.denominator))


def _divisor(value: Value) -> Fraction:
    if value.number == 0:
        raise _by_zero()
    return value.number


def _by_zero() -> InvalidError:
    return InvalidError("A number cannot be divided by zero.")


def _too_large() -> InvalidError:
    return InvalidError(
        f"A number on the way has more than {MOST_DIGITS} digits.",
        hint="Use smaller numbers or exponents.",
    )
