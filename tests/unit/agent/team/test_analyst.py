"""The analyst: the model says what is calculated, nothing that nobody found, and code does it."""

import json

import pytest

from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import Request
from citewell.agent.team.analyst import analyse
from citewell.agent.team.member import Finding, Task

FOUND = (
    Finding("How many in 2022?", "980 passengers"),
    Finding("How many in 2024?", "1,250 passengers"),
    Finding("Who counted them?", ""),
)


async def line(expression: str, *findings: Finding) -> str:
    async def decide(step: str, request: Request) -> str:
        assert step == "analyst"
        assert "(not found)" in request.request
        return json.dumps({"expression": expression})

    return await analyse(Task("By how much is it more than 3 % of it?", findings or FOUND, decide))


async def test_what_the_model_writes_down_is_calculated_by_code() -> None:
    assert await line("1250 - 980") == "1250 - 980 = 270"
    assert await line("(1250 - 980) / 980 * 100") != ""
    assert await line("1250 * 3 / 100") == "1250 * 3 / 100 = 37.5"


async def test_nothing_to_calculate_is_nothing_said() -> None:
    assert await line("") == ""


@pytest.mark.parametrize(
    "expression",
    ["1250 - 979", "1251 - 980", "__import__('os')", "980 -", "9" * 300, "1250 ** 980 ** 980"],
)
async def test_numbers_that_nobody_found_and_what_is_no_sum_are_refused(expression: str) -> None:
    with pytest.raises(NoCounselError) as refused:
        await line(expression)
    assert refused.value.reason == "invalid"


async def test_without_a_number_among_the_findings_nobody_is_asked() -> None:
    async def decide(_: str, __: Request) -> str:
        raise AssertionError("asked")

    assert await analyse(Task("Who?", (Finding("Who?", "Ada Bell"),), decide)) == ""
