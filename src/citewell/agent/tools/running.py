"""A call of a tool as a step of the run, told to whoever follows it."""

import json

from langchain_core.messages import ToolCall

from citewell.agent.telling import step, tell
from citewell.agent.tools.calling import Result, Toolbox
from citewell.domain.run_events import ToolCalled, ToolReturned

SHOWN_CHARACTERS = 4_000


async def run_call(box: Toolbox, call: ToolCall, number: int) -> Result:
    """Run the call, the `number`-th of its run from 1."""
    async with step("tool", number) as told:
        name, call_id = call["name"][:80], f"call-{number}"
        arguments = json.dumps(call["args"], ensure_ascii=False)[:SHOWN_CHARACTERS]
        tell(ToolCalled(call_id, name, arguments))
        result = await box.call(call)
        tell(ToolReturned(call_id, result.text[:SHOWN_CHARACTERS], result.failed))
        told.details |= {"tool": name, "verdict": result.verdict.value, "failed": result.failed}
    return result
