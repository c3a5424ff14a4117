"""A call of a tool as a step of the run, told to whoever follows it, and asked about if need be."""

import json
from uuid import UUID

from langchain_core.messages import ToolCall
from langgraph.types import interrupt

from citewell.agent.bounds.spending import desk
from citewell.agent.telling import step, tell
from citewell.agent.tools.calling import Result, Toolbox
from citewell.agent.tools.permission import Verdict, digest
from citewell.domain.ids import RunId
from citewell.domain.run_events import ToolCalled, ToolReturned
from citewell.domain.runs.approvals import Decision, Outcome, Wanted

SHOWN_CHARACTERS = 4_000

REFUSED = "A person was asked and has refused this call. Do not ask for it again; go on without it."
USED = (
    "What was approved for this call is used up or out of date: it was not run. Go on without it."
)
UNKNOWN = (
    "The server stopped while this call ran. Whether it took effect is not known, and it is not run"
    " again. Say so."
)


async def run_call(box: Toolbox, call: ToolCall, number: int) -> Result:
    """Run the call, the `number`-th of its run from 1; the run pauses when a person has to decide.

    After the pause it comes here again, and is told again by the run that goes on.
    """
    async with step("tool", number) as told:
        name, call_id = call["name"][:80], f"call-{number}"
        arguments = json.dumps(call["args"], ensure_ascii=False)[:SHOWN_CHARACTERS]
        tell(ToolCalled(call_id, name, arguments))
        result = await box.call(call)
        if result.verdict is Verdict.ASK:
            result = await _decided(box, call, _wanted(box, call, number))
        tell(ToolReturned(call_id, result.text[:SHOWN_CHARACTERS], result.failed))
        told.details |= {"tool": name, "verdict": result.verdict.value, "failed": result.failed}
    return result


def _wanted(box: Toolbox, call: ToolCall, number: int) -> Wanted:
    tool, arguments = call["name"], call["args"]
    labels = tuple(sorted(label.value for label in box.tools[tool].labels))
    bound = digest(tool, arguments, box.run)
    return Wanted(RunId(UUID(box.run)), number, tool, arguments, bound, labels, box.language)


async def _decided(box: Toolbox, call: ToolCall, wanted: Wanted) -> Result:
    """What came of it once somebody has decided; the first time this raises, and the run pauses."""
    decision = interrupt(wanted)
    at = desk()
    # Only the server's own hand writes a decision; one about anything else decides nothing here.
    if at is None or not isinstance(decision, Decision) or decision.digest != wanted.digest:
        return Result(USED, Verdict.OFF, failed=True)
    if not decision.approved:
        return Result(REFUSED, Verdict.OFF, failed=True)
    begun = await at.begin(decision)
    if begun.before is not None:
        return Result(begun.before.text, failed=begun.before.failed)
    if not begun.may_run:
        return Result(UNKNOWN if begun.is_unknown else USED, Verdict.OFF, failed=True)
    result = await box.call_approved(call, wanted.digest)
    await at.end(decision, Outcome(result.text, result.failed))
    return result
