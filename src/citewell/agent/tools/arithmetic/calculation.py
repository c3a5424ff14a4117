"""An expression as text to its value as text: exact where it can be, and marked where it cannot."""

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from citewell.agent.tools.arithmetic.grammar import Grammar
from citewell.agent.tools.arithmetic.symbols import symbols_of
from citewell.agent.tools.arithmetic.values import Value

MOST_SHOWN = 100
MOST_DECIMALS = 30
SIGNIFICANT = 15
SHORT_FRACTION = 20


@dataclass(frozen=True, slots=True)
class Calculation:
    """A value with its text; `operations` is how many were computed, 0 for a mere number."""

    value: Value
    text: str
    operations: int


def calculate(expression: str) -> Calculation:
    """The value of an expression, in at most 0.1 s and without anything but arithmetic.

    Raises `InvalidError` for what is no expression, is too long, too deep or too large, and
    `TimedOutError`.
    """
    grammar = Grammar(symbols_of(expression))
    value = grammar.value()
    return Calculation(value, shown(value), grammar.operations)


def shown(value: Value) -> str:
    """All digits of an exact value that has few, else its first ones after a `≈`."""
    number = value.number
    decimals = _decimals(number)
    if value.exact and decimals is not None and decimals <= MOST_DECIMALS:
        text = _plain(number, decimals)
        if len(text) <= MOST_SHOWN:
            return text
    about = f"≈ {approximated(number)}"
    fraction = f"{number.numerator}/{number.denominator}"
    if value.exact and number.denominator != 1 and len(fraction) <= SHORT_FRACTION:
        return f"{about} ({fraction})"
    return about


def approximated(number: Fraction) -> str:
    """The number rounded to its first significant digits."""
    context = Context(prec=SIGNIFICANT)
    rounded = context.divide(Decimal(number.numerator), Decimal(number.denominator))
    if -7 < rounded.adjusted() < 21:
        text = f"{rounded:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{rounded:e}".lower().partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def _decimals(number: Fraction) -> int | None:
    """How many decimals write the number out, None when no number of them does."""
    rest, count = number.denominator, {2: 0, 5: 0}
    for prime in count:
        while rest % prime == 0:
            rest //= prime
            count[prime] += 1
            if count[prime] > MOST_DECIMALS:
                return None
    return max(count.values()) if rest == 1 else None


def _plain(number: Fraction, decimals: int) -> str:
    digits = str(abs(number.numerator) * 10**decimals // number.denominator)
    sign = "-" if number < 0 else ""
    if not decimals:
        return sign + digits
    digits = digits.rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
