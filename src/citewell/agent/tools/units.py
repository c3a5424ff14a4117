"""The tool that converts units."""

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.arithmetic.calculation import approximated, calculate, shown
from citewell.agent.tools.arithmetic.values import Value
from citewell.agent.tools.contract import Arguments, Setting, Tool
from citewell.agent.tools.measures.conversion import convert, require

DESCRIPTION = (
    "Convert a value from one unit to another: length, area, volume, mass, time, speed, data and"
    " temperature."
)


class Converted(Arguments):
    """A value, its unit, and the unit that is wanted."""

    value: str = Field(description="A number, or an expression such as 3 * 12.5.")
    unit: str = Field(description="Its unit, such as km, pounds, °F or GiB.")
    to: str = Field(description="The unit that is wanted.")


def make(_: Setting) -> Tool:
    """The converter, the same for everybody."""
    return Tool(
        StructuredTool.from_function(
            coroutine=_converted,
            name="convert_units",
            description=DESCRIPTION,
            args_schema=Converted,
        ),
        own_words=True,
    )


async def _converted(value: str, unit: str, to: str) -> str:
    given, wanted = require(unit), require(to)
    amount = calculate(value).value
    found = Value(convert(amount.number, given, wanted), amount.exact)
    text = shown(found)
    said = f"≈ {approximated(found.number)}" if text.startswith("≈") else f"= {text}"
    return f"{shown(amount)} {given.symbol} {said} {wanted.symbol}"
