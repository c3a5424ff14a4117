"""Run events as AG-UI 1.0 events, ready to store.

What AG-UI has no field for is under `metadata.rag`, in the activity `rag.sources`, or in the custom
events `rag.notice` and `rag.prompt`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ag_ui.core import (
    PROTOCOL_VERSION,
    ActivitySnapshotEvent,
    BaseEvent,
    CustomEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)

from citewell.chat.usage import RunUsage
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.passages import Answer, Citation, Doubt, Passage
from citewell.domain.run_events import (
    Noticed,
    PromptSent,
    SourcesFound,
    StepFinished,
    ToolCalled,
    ToolReturned,
)

PREVIEW_CHARACTERS = 240

_KINDS = {
    "plan": "decision",
    "recall": "memory",
    "retrieve": "retrieval",
    "judge": "decision",
    "review": "decision",
    "retriever": "retrieval",
    "analyst": "decision",
    "answer": "generation",
    "verify": "verification",
    "compute": "tool",
    "tools": "decision",
    "tool": "tool",
}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def run_started(
    conversation_id: ConversationId,
    run_id: RunId,
    *,
    resumes: RunId | None = None,
    thread: RunId | None = None,
) -> dict[str, Any]:
    """The first event of every run.

    One that goes on from a paused one `resumes` it; `thread` is the run in which it all began.
    """
    before = {"resumes": str(resumes), "thread": str(thread)}
    return dump(
        RunStartedEvent(
            thread_id=str(conversation_id),
            run_id=str(run_id),
            protocol_version=PROTOCOL_VERSION,
            metadata=None if resumes is None else {"rag": before},
        )
    )


def run_finished(
    conversation_id: ConversationId, run_id: RunId, usage: RunUsage, *, cancelled: bool
) -> dict[str, Any]:
    """The end of a run that was not an error."""
    return dump(
        RunFinishedEvent(
            thread_id=str(conversation_id),
            run_id=str(run_id),
            outcome=RunFinishedCancelledOutcome() if cancelled else RunFinishedSuccessOutcome(),
            usage=usage.entries(),
            metadata=usage.metadata(),
        )
    )


def run_error(
    code: str, message: str, usage: RunUsage, *, hint: str, retryable: bool
) -> dict[str, Any]:
    """The end of a run that failed."""
    rag = {"hint": hint, "retryable": retryable, **(usage.metadata() or {}).get("rag", {})}
    return dump(
        RunErrorEvent(message=message, code=code, metadata={"rag": rag}, usage=usage.entries())
    )


def step_started(name: str) -> dict[str, Any]:
    """A step begins."""
    return dump(StepStartedEvent(step_name=name, metadata={"rag": _node(name)}))


def step_finished(step: StepFinished) -> dict[str, Any]:
    """A step has ended by itself."""
    # Pydantic replaces what it cannot encode in values, and fails at a name.
    details = {storable(name): value for name, value in step.details.items()}
    rag = {**details, **_node(step.name), "ms": step.milliseconds}
    return dump(StepFinishedEvent(step_name=step.name, metadata={"rag": rag}))


def step_cut_off(name: str, error: str) -> dict[str, Any]:
    """A step that the end of its run has ended; how long it took is not known."""
    rag = {**_node(name), "error": error}
    return dump(StepFinishedEvent(step_name=name, metadata={"rag": rag}))


def sources(run_id: RunId, found: SourcesFound) -> dict[str, Any]:
    """What the marks of the answer point to; a later snapshot replaces an earlier one."""
    return dump(
        ActivitySnapshotEvent(
            message_id=f"{run_id}-sources",
            activity_type="rag.sources",
            content={"sources": _sources(found.passages)},
        )
    )


def text_started(message_id: str) -> dict[str, Any]:
    """An answer begins."""
    return dump(TextMessageStartEvent(message_id=message_id, role="assistant"))


def text_content(message_id: str, delta: str) -> dict[str, Any]:
    """The next piece of an answer."""
    return dump(TextMessageContentEvent(message_id=message_id, delta=delta))


def text_finished(message_id: str, answer: Answer) -> dict[str, Any]:
    """An answer is complete; offsets count the characters (code points) of its text."""
    rag = {
        "citations": [_citation(citation) for citation in answer.citations],
        "doubts": [_doubt(doubt) for doubt in answer.doubts],
        "grounded": answer.grounded,
        "answered": answer.answered,
        "reason": answer.reason,
        "confidence": answer.confidence,
        "related": _sources(answer.related),
    }
    return dump(TextMessageEndEvent(message_id=message_id, metadata={"rag": rag}))


def text_cut_off(message_id: str) -> dict[str, Any]:
    """An answer that the end of its run has ended."""
    return dump(TextMessageEndEvent(message_id=message_id, metadata={"rag": {"partial": True}}))


def notice(noticed: Noticed) -> dict[str, Any]:
    """Something that the reader should know."""
    value = {"kind": noticed.name, "message": noticed.message}
    return dump(CustomEvent(name="rag.notice", value=value))


def prompt(sent: PromptSent) -> dict[str, Any]:
    """What was sent to a model, for who debugs it."""
    value = {
        "step": sent.step,
        "model": sent.model,
        "messages": [dict(one) for one in sent.messages],
        "tools": [dict(one) for one in sent.tools],
    }
    return dump(CustomEvent(name="rag.prompt", value=value))


def note(
    run_id: RunId, event: StepFinished | SourcesFound | Noticed | PromptSent
) -> dict[str, Any]:
    """What is told in one event, whatever came before."""
    match event:
        case StepFinished():
            return step_finished(event)
        case SourcesFound():
            return sources(run_id, event)
        case Noticed():
            return notice(event)
        case PromptSent():
            return prompt(event)


def tool(run_id: RunId, event: ToolCalled | ToolReturned) -> list[dict[str, Any]]:
    """A call of a tool, whole, so that nothing of it can be left open; or what came of it."""
    call_id = f"{run_id}-{event.call_id}"
    match event:
        case ToolCalled():
            return [
                dump(ToolCallStartEvent(tool_call_id=call_id, tool_call_name=event.tool)),
                dump(ToolCallArgsEvent(tool_call_id=call_id, delta=event.arguments)),
                dump(ToolCallEndEvent(tool_call_id=call_id)),
            ]
        case ToolReturned():
            returned = ToolCallResultEvent(
                message_id=f"{call_id}-result",
                tool_call_id=call_id,
                content=event.text,
                metadata={"rag": {"failed": event.failed}},
            )
            return [dump(returned)]


def storable(text: str) -> str:
    """The text with what PostgreSQL cannot hold replaced one for one: offsets stay true."""
    return _UNSTORABLE.sub("\ufffd", text)


def _node(step: str) -> dict[str, str]:
    node = step.split("#", 1)[0]
    return {"node": node, "kind": _KINDS.get(node, "other")}


def _sources(passages: tuple[Passage, ...]) -> list[dict[str, Any]]:
    return [_source(number, passage) for number, passage in enumerate(passages, start=1)]


def _source(number: int, passage: Passage) -> dict[str, Any]:
    scores = {name: score for name, score in asdict(passage.scores).items() if score is not None}
    return {
        "n": number,
        "passage_id": str(passage.chunk_id),
        "document_id": str(passage.document_id),
        "version_id": str(passage.version_id),
        "title": passage.title,
        "filename": passage.filename,
        "page": passage.page,
        "page_label": passage.page_label,
        "start": passage.start,
        "end": passage.end,
        "scores": scores,
        "preview": passage.text[:PREVIEW_CHARACTERS],
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "n": citation.number,
        "answer": [citation.answer_start, citation.answer_end],
        "passage_id": str(citation.chunk_id),
        "document_id": str(citation.document_id),
        "version_id": str(citation.version_id),
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "title": citation.title,
        "filename": citation.filename,
        "page": citation.page,
        "verified": citation.verified,
    }


def _doubt(doubt: Doubt) -> dict[str, Any]:
    place = {"answer": [doubt.start, doubt.end], "reason": doubt.reason.value}
    return place if doubt.number is None else {**place, "n": doubt.number}


def dump(event: BaseEvent) -> dict[str, Any]:
    """An event as it is stored and sent."""
    dumped: dict[str, Any] = _json(event.model_dump(mode="json", by_alias=True, exclude_none=True))
    return dumped


def _json(value: Any) -> Any:
    """What JSON and PostgreSQL can hold: no NaN, no infinity, no NUL, no unpaired surrogate."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(name): _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value
