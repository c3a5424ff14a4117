"""Every tool that there is: a tool is one file, and one line here."""

from collections.abc import Sequence

from citewell.agent.tools import calculator, dates, document, records, search, units
from citewell.agent.tools.contract import Maker, Setting, Tool

MAKERS: tuple[Maker, ...] = (
    calculator.make,
    dates.make,
    units.make,
    search.make,
    document.make,
    records.make,
)


def made(setting: Setting, added: Sequence[Maker] = ()) -> list[Tool]:
    """The tools for one run, those that the operator has `added` last."""
    return [make(setting) for make in (*MAKERS, *added)]
