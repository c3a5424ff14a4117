"""What the agent tells, as AG-UI 1.0 events; additions only in `metadata.rag` and `CUSTOM`."""

from collections.abc import Mapping
from typing import Any, assert_never

from ag_ui.core import (
    ActivitySnapshotEvent,
    BaseEvent,
    CustomEvent,
    RunErrorEvent,
    RunFinishedEvent,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
)
from ag_ui.core.events import RunFinishedCancelledOutcome, RunFinishedSuccessOutcome

from citewell.domain.ids import ConversationId, MessageId, RunId
from citewell.domain.passages import Answer, Citation, Passage
from citewell.domain.run_events import (
    AnswerFinished,
    Noticed,
    RunEvent,
    SourcesFound,
    StepFinished,
    StepStarted,
    TextProduced,
)

JsonObject = Mapping[str, Any]
PREVIEW = 240
SOURCES = "rag.sources"


def started(run_id: RunId, conversation_id: ConversationId) -> JsonObject:
    """The first event of a run."""
    return _dump(RunStartedEvent(thread_id=str(conversation_id), run_id=str(run_id)))


def finished(run_id: RunId, conversation_id: ConversationId, *, cancelled: bool) -> JsonObject:
    """The last event of a run that did not fail."""
    outcome = RunFinishedCancelledOutcome() if cancelled else RunFinishedSuccessOutcome()
    return _dump(
        RunFinishedEvent(thread_id=str(conversation_id), run_id=str(run_id), outcome=outcome)
    )


def failed(message: str, code: str) -> JsonObject:
    """The last event of a run that failed."""
    return _dump(RunErrorEvent(message=message, code=code))


def message_started(message_id: MessageId) -> JsonObject:
    """The answer's text begins."""
    return _dump(TextMessageStartEvent(message_id=str(message_id), role="assistant"))


def message_cut(message_id: str) -> JsonObject:
    """The answer's text was cut off."""
    return _dump(TextMessageEndEvent(message_id=message_id), {"partial": True})


def message_ended(message_id: MessageId, answer: Answer) -> JsonObject:
    """The answer's text is complete, with what it rests on."""
    return _dump(TextMessageEndEvent(message_id=str(message_id)), _answer(answer))


def step_ended(name: str) -> JsonObject:
    """A step that was cut off."""
    return _dump(StepFinishedEvent(step_name=name), {"node": _node(name), "error": "interrupted"})


def translate(event: RunEvent, message_id: MessageId) -> JsonObject:
    """One event of the agent; `AnswerFinished` ends the message."""
    match event:
        case StepStarted(name):
            return _dump(StepStartedEvent(step_name=name), {"node": _node(name), "kind": "step"})
        case StepFinished(name, milliseconds, details):
            rag = {"node": _node(name), "kind": "step", "ms": milliseconds, **details}
            return _dump(StepFinishedEvent(step_name=name), rag)
        case SourcesFound(passages):
            return _dump(
                ActivitySnapshotEvent(
                    message_id=f"{message_id}-sources",
                    activity_type=SOURCES,
                    content={"sources": [source(n, p) for n, p in enumerate(passages, start=1)]},
                )
            )
        case TextProduced(text):
            return _dump(TextMessageContentEvent(message_id=str(message_id), delta=text))
        case Noticed(name, message):
            return _dump(CustomEvent(name="rag.notice", value={"kind": name, "message": message}))
        case AnswerFinished(answer):
            return message_ended(message_id, answer)
    assert_never(event)


def source(number: int, passage: Passage) -> dict[str, Any]:
    """A passage as readers list it."""
    scores = {
        name: round(value, 5)
        for name in ("final", "cosine", "window_cosine", "bm25", "fused", "late", "link")
        if (value := getattr(passage.scores, name)) is not None
    }
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
        "preview": " ".join(passage.text[:PREVIEW].split()),
    }


def footnote(citation: Citation) -> dict[str, Any]:
    """A citation as readers resolve it; offsets count code points."""
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


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "citations": [footnote(citation) for citation in answer.citations],
        "grounded": answer.grounded,
        "answered": answer.answered,
        "reason": answer.reason,
        "confidence": round(answer.confidence, 4),
        "degraded": list(answer.degraded),
        "related": [source(n, p) for n, p in enumerate(answer.related, start=1)],
    }


def _dump(event: BaseEvent, rag: JsonObject | None = None) -> JsonObject:
    said = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    if rag is not None:
        said["metadata"] = {"rag": dict(rag)}
    return said


def _node(step: str) -> str:
    return step.split("#")[0]
