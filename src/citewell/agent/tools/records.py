"""The tool that asks the records: how many documents, which failed, what was added when."""

import json
from functools import partial

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Label, Setting, Tool
from citewell.domain.principal import Scope
from citewell.domain.records import VIEWS

DESCRIPTION = (
    "Ask what is known about the documents, not what they say: how many there are, which failed,"
    " what was added when, what was spent. One PostgreSQL SELECT over these views: "
    + "; ".join(f"{view}({', '.join(columns)})" for view, columns in VIEWS.items())
    + ". Times are timestamps with time zone."
)


class Asked(Arguments):
    """One question."""

    sql: str = Field(min_length=1, max_length=4000, description="One SELECT statement.")


def make(setting: Setting) -> Tool:
    """Questions with the rights of the caller: what they may list, they may count."""
    return Tool(
        StructuredTool.from_function(
            coroutine=partial(_asked, setting),
            name="query_records",
            description=DESCRIPTION,
            args_schema=Asked,
        ),
        frozenset({Label.READ}),
        frozenset({Scope.DOCUMENTS_READ}),
    )


async def _asked(setting: Setting, sql: str) -> str:
    found = await setting.means.records.ask(setting.principal, sql)
    lines = [json.dumps(found.columns, ensure_ascii=False)]
    lines += [json.dumps(row, ensure_ascii=False) for row in found.rows]
    if found.cut:
        lines.append("There are more rows.")
    return "\n".join(lines) if found.rows else "No row."
