"""An expression cut into numbers, names and operators; nothing else is let in."""

from dataclasses import dataclass
from fractions import Fraction

from citewell.domain.errors import InvalidError

MOST_CHARACTERS = 500
MOST_DIGITS = 1000
MOST_EXPONENT = 999

_SPACE = frozenset(" \t\n\u00a0\u202f")
_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_OPERATORS = ("**", "//", "+", "-", "*", "/", "%", "(", ")", ",")
# How people write them.
_MEANS = {"^": "**", "×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A piece of an expression; `number` is set for a number, `attached` without space before."""

    text: str
    at: int
    attached: bool
    number: Fraction | None = None

    @property
    def is_name(self) -> bool:
        """Whether it is made of letters."""
        return self.text[:1] in _LETTERS

    @property
    def begins_operand(self) -> bool:
        """Whether a value can begin with it, a sign left out."""
        return self.number is not None or self.is_name or self.text == "("


def symbols_of(text: str) -> list[Symbol]:
    """The symbols of an expression in their order; raises `InvalidError` naming the first wrong."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidError(
            f"The expression has {len(text):,} characters; at most {MOST_CHARACTERS} are computed.",
            hint="Compute its parts one after the other.",
        )
    found: list[Symbol] = []
    at, spaced, depth = 0, True, 0
    while at < len(text):
        if text[at] in _SPACE:
            at, spaced = at + 1, True
            continue
        symbol = _next(text, at, attached=not spaced, depth=depth)
        depth += {"(": 1, ")": -1}.get(symbol.text, 0)
        found.append(symbol)
        at, spaced = _end(text, symbol), False
    return found


def _end(text: str, symbol: Symbol) -> int:
    # What people write for an operator has one character, whatever it means.
    return symbol.at + (1 if text[symbol.at] in _MEANS else len(symbol.text))


def _next(text: str, at: int, *, attached: bool, depth: int) -> Symbol:
    character = text[at]
    if character in _DIGITS or (character == "." and text[at + 1 : at + 2] in _DIGITS):
        return _number(text, at, attached=attached, depth=depth)
    if character in _LETTERS:
        end = _while(text, at, _LETTERS | _DIGITS)
        return Symbol(text[at:end], at, attached)
    meant = _MEANS.get(character)
    if meant is None:
        meant = next((one for one in _OPERATORS if text.startswith(one, at)), None)
    if meant is None:
        raise InvalidError(
            f"{character!r} at character {at + 1} is nothing that can be computed.",
            hint="Use numbers, + - * / // % **, parentheses and the functions that are named.",
        )
    return Symbol(meant, at, attached)


def _number(text: str, at: int, *, attached: bool, depth: int) -> Symbol:
    """Digits, perhaps grouped by commas, perhaps a point and more, perhaps an exponent."""
    end = _grouped(text, at) if depth == 0 else _while(text, at, _DIGITS)
    if text[end : end + 1] == ".":
        end = _while(text, end + 1, _DIGITS)
    end = _exponent(text, end)
    if text[end : end + 1] in _LETTERS or text[end : end + 1] == ".":
        raise InvalidError(
            f"{text[at : end + 1]!r} at character {at + 1} is no number.",
            hint="Write an operator between a number and a name.",
        )
    grouped = text[at - 1 : at + 1] == ",0" and end > at + 1
    if grouped or (depth == 0 and text[end : end + 1] == ","):
        raise InvalidError(
            f"The comma beside {text[at:end]!r} can be meant in two ways.",
            hint="Write decimals with a point, and thousands in groups of three digits.",
        )
    written = text[at:end]
    plain, _, power = written.replace(",", "").lower().partition("e")
    if sum(one in _DIGITS for one in plain) > MOST_DIGITS or abs(int(power or 0)) > MOST_EXPONENT:
        raise InvalidError(
            f"The number at character {at + 1} is too long.",
            hint=f"At most {MOST_DIGITS} digits are computed.",
        )
    return Symbol(written, at, attached, Fraction(written.replace(",", "")))


def _grouped(text: str, at: int) -> int:
    end = _while(text, at, _DIGITS)
    if end - at > 3:
        return end
    while text[end : end + 1] == "," and _while(text, end + 1, _DIGITS) == end + 4:
        end += 4
    return end


def _exponent(text: str, at: int) -> int:
    if text[at : at + 1] not in {"e", "E"}:
        return at
    digits = at + 2 if text[at + 1 : at + 2] in {"+", "-"} else at + 1
    end = _while(text, digits, _DIGITS)
    # More digits than that are no exponent that could be computed; they are not read as a number.
    return end if digits < end <= digits + 4 else at


def _while(text: str, at: int, kind: frozenset[str]) -> int:
    while at < len(text) and text[at] in kind:
        at += 1
    return at
