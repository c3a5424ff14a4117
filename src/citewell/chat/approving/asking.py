"""The end of a run that waits for a person, as AG-UI 1.0 has it: a question and how to answer."""

from typing import Any

from ag_ui.core import Interrupt, RunFinishedEvent, RunFinishedInterruptOutcome

from citewell.chat.translation import dump
from citewell.chat.usage import RunUsage
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.runs.approvals import Approval

REASON = "tool_approval"
# What a person answers with.
DECISION_SCHEMA = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}},
    "required": ["approved"],
    "additionalProperties": False,
}
_DOES = {
    "write": "changes something that outlives this answer",
    "egress": "sends its arguments out of this installation",
    "cross-scope": "reaches beyond your own rights",
}


def run_paused(
    conversation_id: ConversationId, run_id: RunId, usage: RunUsage, approval: Approval
) -> dict[str, Any]:
    """The last event of a run that waits: another run goes on from it.

    `metadata.rag` of the interrupt holds the exact arguments, and the digest that is decided about.
    """
    return dump(
        RunFinishedEvent(
            thread_id=str(conversation_id),
            run_id=str(run_id),
            outcome=RunFinishedInterruptOutcome(interrupts=[_interrupt(run_id, approval)]),
            usage=usage.entries(),
            metadata=usage.metadata(),
        )
    )


def _interrupt(run_id: RunId, approval: Approval) -> Interrupt:
    wanted = approval.wanted
    does = " and ".join(_DOES[label] for label in wanted.labels if label in _DOES)
    exact = {"tool": wanted.tool, "arguments": dict(wanted.arguments), "digest": wanted.digest}
    return Interrupt(
        id=str(approval.id),
        reason=REASON,
        message=f"May the tool {wanted.tool} run with exactly these arguments? It {does}.",
        tool_call_id=f"{run_id}-call-{wanted.number}",
        response_schema=DECISION_SCHEMA,
        expires_at=approval.expires_at.isoformat(),
        metadata={"rag": {**exact, "labels": list(wanted.labels)}},
    )
