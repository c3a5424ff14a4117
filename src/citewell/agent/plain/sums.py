"""Questions that are an expression, with or without words that ask for its value."""

import re

from citewell.agent.tools.arithmetic.calculation import calculate
from citewell.agent.tools.arithmetic.symbols import symbols_of
from citewell.agent.tools.arithmetic.values import FUNCTIONS
from citewell.domain.errors import AppError

# Whoever says so wants a value, whatever else the figures could be.
_DEMANDS = (
    "calculate", "compute", "work out", "how much is", "berechne", "rechne", "wie viel ist",
    "wieviel ist", "calcule", "combien fait", "combien font", "calcula", "cuánto es", "cuanto es",
)  # fmt: skip
_ASKS = (
    "what is", "what's", "what are", "was ist", "was ergibt", "quel est", "que vaut", "qué es",
)  # fmt: skip
# Spoken operators, where digits stand around them.
_SPOKEN = (
    (re.compile(r"(?<=\d) (?:plus|más|et) (?=[\d(-])"), " + "),
    (re.compile(r"(?<=\d) (?:minus|moins|menos) (?=[\d(-])"), " - "),
    (re.compile(r"(?<=\d) (?:times|multiplied by|mal|fois|por) (?=[\d(-])"), " * "),
    (re.compile(r"(?<=\d) (?:divided by|over|geteilt durch|divisé par|entre) (?=[\d(-])"), " / "),
    (re.compile(r"(?<=\d) (?:percent|per cent|prozent|pour cent|por ciento)(?= |$)"), "%"),
)
# Dates, versions, scores, telephone numbers and names are written with these alone.
_ALSO_NAMES = frozenset("-/.–−")


def read(asked: str) -> dict[str, str | int] | None:
    """The calculator's arguments, None for what is none or could be a name of something."""
    lower = asked.lower()
    demanded = next((one for one in _DEMANDS if lower.startswith(f"{one} ")), "")
    words = demanded or next((one for one in _ASKS if lower.startswith(f"{one} ")), "")
    expression = lower[len(words) :].strip(" :")
    for spoken, sign in _SPOKEN:
        expression = spoken.sub(sign, expression)
    if not _computes(expression) or not (demanded or _is_plain(expression)):
        return None
    return {"expression": expression}


def _computes(expression: str) -> bool:
    """Whether it is an expression with an operator; one whose value is too large is one as well."""
    try:
        return calculate(expression).operations > 0
    except AppError as error:
        return _is_expression(expression) and "digits" in error.message


def _is_expression(expression: str) -> bool:
    try:
        symbols = symbols_of(expression)
    except AppError:
        return False
    return sum(one.text in {"+", "-", "*", "/", "//", "**", "%"} for one in symbols) > 0


def _is_plain(expression: str) -> bool:
    """Whether no part of it could be a date, a version or a name: `9/11`, `24/7`, `3-2-1`."""
    marks = {one for one in expression if not one.isalnum() and one not in " ,()"}
    spaced = any(f" {mark} " in expression for mark in _ALSO_NAMES)
    called = any(f"{name}(" in expression for name in FUNCTIONS)
    return called or spaced or not marks <= _ALSO_NAMES
