"""The member who calculates: a model says what, code holds its numbers to what was found."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import analysing
from citewell.agent.team.member import Member, Task
from citewell.agent.tools.arithmetic.calculation import calculate
from citewell.domain.errors import InvalidError

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# Months, percentages and halves belong to calculating, not to anybody's document.
_OF_CALCULATING = frozenset({"1", "2", "4", "7", "10", "12", "24", "60", "100", "365", "1000"})


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    expression: Annotated[str, Field(max_length=200)]


async def analyse(task: Task) -> str:
    """`1250 - 980 = 270`; "" where nothing is to be calculated.

    Raises `NoCounselError` for an expression with a number that nobody has found.
    """
    if not any(_NUMBER.search(finding.answer) for finding in task.findings):
        return ""
    pairs = [(finding.asks, finding.answer) for finding in task.findings]
    said = await task.decide("analyst", analysing(task.question, pairs))
    try:
        expression = _Said.model_validate_json(said).expression.strip()
        if not expression:
            return ""
        _check_numbers(expression, task)
        return f"{expression} = {calculate(expression).text}"
    except (ValidationError, InvalidError) as error:
        raise NoCounselError("invalid", str(error)) from error


def _check_numbers(expression: str, task: Task) -> None:
    known = " ".join([task.question, *(finding.answer for finding in task.findings)])
    found = {_plain(number) for number in _NUMBER.findall(known)} | _OF_CALCULATING
    made_up = [one for one in _NUMBER.findall(expression) if _plain(one) not in found]
    if made_up:
        raise NoCounselError("invalid", f"nobody has found {made_up[0]}")


def _plain(number: str) -> str:
    return re.sub(r"[.,](?=\d{3}(?!\d))", "", number)


MEMBER = Member("analyst", analyse)
