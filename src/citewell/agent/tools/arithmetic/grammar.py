"""Symbols to a value: operators bind as in mathematics and in Python, and percent means a share.

    sum     := product (("+" | "-") product)*
    product := signed (("*" | "/" | "//" | "%" | "of") signed)*
    signed  := ("+" | "-") signed | power
    power   := share ("**" signed)?
    share   := atom "%"*
    atom    := number | name "(" sum ("," sum)* ")" | "(" sum ")"

A `%` before an operand is the rest of a division, else it makes a hundredth of what is before it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from citewell.agent.tools.arithmetic.symbols import Symbol
from citewell.agent.tools.arithmetic.values import FUNCTIONS, OPERATIONS, Value, power
from citewell.domain.errors import InvalidError, TimedOutError

MOST_DEPTH = 30
SECONDS = 0.1
# Of, in the languages that the product speaks.
_OF = frozenset({"of", "von", "de"})
_HUNDRED = Value(Fraction(100))
_END = Symbol("", -1, attached=False)


@dataclass(slots=True)
class Grammar:
    """Reads an expression once, computing on the way; `operations` counts what was computed."""

    symbols: Sequence[Symbol]
    operations: int = 0
    _at: int = 0
    _depth: int = 0
    _was_share: bool = False
    _deadline: float = field(default_factory=lambda: time.thread_time() + SECONDS)

    def value(self) -> Value:
        """The value of the whole; raises `InvalidError`, and `TimedOutError` after `SECONDS`."""
        found = self._sum()
        if self._symbol is not _END:
            raise self._unexpected()
        return found

    @property
    def _symbol(self) -> Symbol:
        return self.symbols[self._at] if self._at < len(self.symbols) else _END

    def _take(self) -> Symbol:
        taken = self._symbol
        self._at += 1
        return taken

    def _sum(self) -> Value:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise InvalidError(f"The expression is nested deeper than {MOST_DEPTH} levels.")
        found = self._product()
        while self._symbol.text in {"+", "-"}:
            sign = self._take().text
            right = self._product()
            if self._was_share:
                raise InvalidError(
                    f"{sign} a percentage can be meant in two ways.",
                    hint="Say of what: 200 + 15% of 200, or 200 + 0.15.",
                )
            found = self._computed(sign, found, right)
            self._was_share = False
        self._depth -= 1
        return found

    def _product(self) -> Value:
        found = self._signed()
        while True:
            following = self._symbol.text
            if following in _OF and self._was_share:
                following = "*"
            elif following not in {"*", "/", "//", "%"}:
                return found
            self._take()
            found = self._computed(following, found, self._signed())
            self._was_share = False

    def _signed(self) -> Value:
        sign = self._symbol.text
        if sign not in {"+", "-"}:
            return self._power()
        self._take()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise InvalidError(f"More than {MOST_DEPTH} signs follow each other.")
        found = self._signed()
        self._depth -= 1
        return Value(-found.number, found.exact) if sign == "-" else found

    def _power(self) -> Value:
        base = self._share()
        if self._symbol.text != "**":
            return base
        self._take()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise InvalidError(f"More than {MOST_DEPTH} powers stand on each other.")
        exponent = self._signed()
        self._depth -= 1
        self._tick()
        self._was_share = False
        return power(base, exponent)

    def _share(self) -> Value:
        found = self._atom()
        self._was_share = False
        while self._symbol.text == "%" and self._is_share():
            self._take()
            found = self._computed("/", found, _HUNDRED)
            self._was_share = True
        return found

    def _is_share(self) -> bool:
        """Whether the `%` here makes hundredths; else it asks for a rest."""
        percent = self._symbol
        after = self.symbols[self._at + 1] if self._at + 1 < len(self.symbols) else _END
        if after.text in {"+", "-"}:
            if percent.attached and after.attached:
                raise InvalidError(
                    "% before a sign can be meant in two ways.",
                    hint="Write 10 % (-3) for the rest of a division, 10% - 3 for a percentage.",
                )
            return percent.attached
        return after.text in _OF or not after.begins_operand

    def _atom(self) -> Value:
        symbol = self._take()
        if symbol.number is not None:
            return Value(symbol.number)
        if symbol.text == "(":
            found = self._sum()
            self._close()
            return found
        if symbol.is_name and self._symbol.text == "(":
            return self._called(symbol.text)
        self._at -= 1
        raise self._unexpected()

    def _called(self, name: str) -> Value:
        known = FUNCTIONS.get(name)
        if known is None:
            raise InvalidError(
                f"{name!r} is no function that can be computed.",
                hint=f"There are {', '.join(sorted(FUNCTIONS))}.",
            )
        function, least, most = known
        self._take()
        given = [self._sum()]
        while self._symbol.text == ",":
            self._take()
            given.append(self._sum())
        self._close()
        if not least <= len(given) <= most:
            raise InvalidError(f"{name} takes {least} to {most} numbers, not {len(given)}.")
        self._tick()
        return function(given)

    def _close(self) -> None:
        if self._take().text != ")":
            self._at -= 1
            raise self._unexpected()

    def _computed(self, operator: str, left: Value, right: Value) -> Value:
        self._tick()
        return OPERATIONS[operator](left, right)

    def _tick(self) -> None:
        self.operations += 1
        if time.thread_time() > self._deadline:
            raise TimedOutError(
                f"The expression takes longer than {SECONDS:g} seconds.",
                hint="Use smaller numbers.",
            )

    def _unexpected(self) -> InvalidError:
        symbol = self._symbol
        if symbol is _END:
            return InvalidError("The expression ends before it is complete.")
        return InvalidError(f"{symbol.text[:20]!r} is not expected at character {symbol.at + 1}.")
