"""The order of a run's events: what opens is closed once, and nothing follows the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from citewell.chat import translation
from citewell.chat.usage import RunUsage
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.passages import Answer
from citewell.domain.run_events import (
    AnswerFinished,
    ApprovalWanted,
    Noticed,
    PromptSent,
    RunEvent,
    SourcesFound,
    StepFinished,
    StepStarted,
    TextProduced,
    ToolCalled,
    ToolReturned,
)
from citewell.domain.runs.approvals import Wanted
from citewell.domain.runs.states import RunState
from citewell.telemetry.logs import logger

TERMINAL = frozenset({"RUN_FINISHED", "RUN_ERROR"})

Event = dict[str, Any]

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends; the other fields belong to `RunState.FAILED`."""

    state: RunState
    code: str = ""
    message: str = ""
    hint: str = ""
    retryable: bool = False

    def terminal(
        self, conversation_id: ConversationId, run_id: RunId, usage: RunUsage | None = None
    ) -> Event:
        """The last event of the run, with what its models have cost."""
        spent = usage or RunUsage()
        if self.state is RunState.FAILED:
            return translation.run_error(
                self.code, self.message, spent, hint=self.hint, retryable=self.retryable
            )
        cancelled = self.state is RunState.CANCELLED
        return translation.run_finished(conversation_id, run_id, spent, cancelled=cancelled)


INTERRUPTED = Ending(
    RunState.FAILED,
    "interrupted_by_restart",
    "The server stopped before the answer was complete.",
    "Ask again.",
    retryable=True,
)


@dataclass(slots=True)
class OpenParts:
    """What the events of a log so far have opened: unfinished steps and the last message."""

    steps: dict[str, None] = field(default_factory=dict)
    message_id: str | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the last message so far."""
        return "".join(self.pieces)

    def observe(self, event: Mapping[str, Any]) -> None:
        """Take note of the next event."""
        match event["type"]:
            case "STEP_STARTED":
                self.steps[event["stepName"]] = None
            case "STEP_FINISHED":
                self.steps.pop(event["stepName"], None)
            case "TEXT_MESSAGE_START":
                self.message_id = event["messageId"]
                self.pieces = []
            case "TEXT_MESSAGE_CONTENT":
                self.pieces.append(event["delta"])
            case "TEXT_MESSAGE_END":
                self.message_id = None

    def closing(self, ending: Ending) -> list[Event]:
        """The events that close what is open: the message, then the steps from the innermost."""
        error = ending.code or ending.state.value
        closing = [translation.step_cut_off(name, error) for name in reversed(self.steps)]
        if self.message_id is not None:
            closing.insert(0, translation.text_cut_off(self.message_id))
        return closing


@dataclass(slots=True)
class Narration:
    """Tells one run. What an agent says out of order is left out, with a warning in the log.

    `wanted` is what a person has to decide about before it can go on.
    """

    run_id: RunId
    open: OpenParts = field(default_factory=OpenParts)
    answer: Answer | None = None
    wanted: Wanted | None = None
    usage: RunUsage = field(default_factory=RunUsage)
    _seen: set[str] = field(default_factory=set)
    # Calls of tools, and whether each still waits for its result.
    _called: dict[str, bool] = field(default_factory=dict)

    def tell(self, event: RunEvent) -> list[Event]:
        """The AG-UI events for `event`, often one, sometimes none."""
        if self.wanted is not None or not self._in_order(event):
            kind = type(event).__name__
            log.warning("run.event_out_of_order", run=str(self.run_id), event_type=kind)
            return []
        told = self._translate(event)
        for each in told:
            self.open.observe(each)
        return told

    def kept_answer(self, ending: Ending) -> Answer | None:
        """What is kept of the answer: all, the part that was said before the end, or nothing."""
        if ending.state is RunState.PAUSED:
            return None
        if self.answer is not None:
            return self.answer
        return partial_answer(self.open.text, ending)

    def _in_order(self, event: RunEvent) -> bool:
        match event:
            case StepStarted(name):
                return name not in self._seen
            case StepFinished(name):
                return name in self.open.steps
            case TextProduced() | AnswerFinished() | ApprovalWanted():
                return self.answer is None
            case ToolCalled(call_id):
                return call_id not in self._called
            case ToolReturned(call_id):
                return self._called.get(call_id, False)
            case _:
                return True

    def _translate(self, event: RunEvent) -> list[Event]:
        match event:
            case StepStarted(name):
                self._seen.add(name)
                return [translation.step_started(name)]
            case TextProduced(text):
                return self._text(text)
            case AnswerFinished(answer):
                return self._finish(replace(answer, text=translation.storable(answer.text)))
            case ToolCalled() | ToolReturned():
                self._called[event.call_id] = isinstance(event, ToolCalled)
                return translation.tool(self.run_id, event)
            case ApprovalWanted():
                self.wanted = event.wanted
                return []
            case StepFinished() | SourcesFound() | Noticed() | PromptSent():
                if isinstance(event, StepFinished):
                    self.usage.add(event.details)
                return [translation.note(self.run_id, event)]

    def _text(self, text: str) -> list[Event]:
        if not text:
            return []
        message_id = self.open.message_id or f"{self.run_id}-answer"
        content = translation.text_content(message_id, text)
        started = [] if self.open.message_id else [translation.text_started(message_id)]
        return [*started, content]

    def _finish(self, answer: Answer) -> list[Event]:
        self.answer = answer
        said = self.open.text
        message_id = self.open.message_id
        if message_id is not None and not answer.text.startswith(said):
            # Citations point into the answer, so what was said instead of it cannot stay its text.
            log.warning("run.answer_differs_from_text", run=str(self.run_id))
            again = f"{self.run_id}-answer-2"
            return [translation.text_cut_off(message_id), *self._whole(again, answer)]
        if message_id is None:
            return self._whole(f"{self.run_id}-answer", answer)
        rest = answer.text[len(said) :]
        more = [translation.text_content(message_id, rest)] if rest else []
        return [*more, translation.text_finished(message_id, answer)]

    def _whole(self, message_id: str, answer: Answer) -> list[Event]:
        content = [translation.text_content(message_id, answer.text)] if answer.text else []
        finished = translation.text_finished(message_id, answer)
        return [translation.text_started(message_id), *content, finished]


def partial_answer(text: str, ending: Ending) -> Answer | None:
    """The answer of a run that ended while it spoke; None when it had not said anything."""
    if not text:
        return None
    reason = ending.code or ending.state.value
    return Answer(text=text, citations=(), grounded=0.0, answered=False, reason=reason)
