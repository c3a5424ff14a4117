"""The tool that computes."""

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.arithmetic.calculation import calculate
from citewell.agent.tools.contract import Arguments, Setting, Tool

DESCRIPTION = (
    "Compute an arithmetic expression exactly: + - * / // % **, parentheses, percentages"
    " (15% of 80), sqrt, round, abs, floor, ceil, min, max, sum, mean. Use it for every sum,"
    " difference, share or average of numbers."
)


class Calculated(Arguments):
    """What to compute."""

    expression: str = Field(description="Such as (1250 - 980) / 980 or 15% of 80; no units.")


def make(_: Setting) -> Tool:
    """The calculator, the same for everybody."""
    return Tool(
        StructuredTool.from_function(
            coroutine=_calculated,
            name="calculator",
            description=DESCRIPTION,
            args_schema=Calculated,
        ),
        own_words=True,
    )


async def _calculated(expression: str) -> str:
    return f"{expression} = {calculate(expression).text}"
