"""Questions that are plainly sums, conversions or dates: which tool answers them, and with what.

A question counts only when all of its words are understood; whatever leaves one over is asked of
the documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from citewell.agent.plain import days, measures, sums

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Computation:
    """A call of a tool that answers the whole question."""

    tool: str
    arguments: Mapping[str, str | int]


def computation(question: str, today: date) -> Computation | None:
    """The call that answers the question, None where it is not plainly one of these."""
    if len(question) > LONGEST:
        return None
    asked = " ".join(question.split()).strip(" ?!.=¿¡")
    for tool, read in (("convert_units", measures.read), ("calculator", sums.read)):
        if (arguments := read(asked)) is not None:
            return Computation(tool, arguments)
    found = days.about_today(asked) or days.read(asked, today)
    return None if found is None else Computation("dates", found)
