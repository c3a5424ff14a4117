"""What happens during a run, as the agent tells it; `chat` numbers, stores and translates it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from citewell.domain.conversations import NOTHING, Remembered
from citewell.domain.ids import CollectionId, RunId
from citewell.domain.passages import Answer, Passage
from citewell.domain.runs.approvals import Wanted


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which collections, and what is known of the conversation.

    `run_id` is the run in which it is answered; None outside of one.
    """

    text: str
    collections: tuple[CollectionId, ...]
    remembered: Remembered = NOTHING
    run_id: RunId | None = None


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A node of the graph begins; `name` is unique in the run (`retrieve#2`)."""

    name: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A node of the graph has ended; `details` are counts and scores for the trace."""

    name: str
    milliseconds: float
    details: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """The passages that the answer may cite; the mark `[n]` is the n-th of them, from 1."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class TextProduced:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that the reader should know: `degraded`, `budget`, `draining`, `no_answer`."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class PromptSent:
    """What a step is about to send to a language model, as the wire has it; told only when asked.

    `messages` and `tools` are JSON objects of OpenAI's protocol.
    """

    step: str
    model: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A tool is about to run; `arguments` is a JSON object, `call_id` unique in the run."""

    call_id: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """What came of a call: a text of the tool's, or why there is none."""

    call_id: str
    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The answer is complete and its citations are checked."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """The run pauses here: nothing follows until a person has decided about the call `call_id`."""

    call_id: str
    wanted: Wanted


RunEvent = (
    StepStarted
    | StepFinished
    | SourcesFound
    | TextProduced
    | Noticed
    | PromptSent
    | ToolCalled
    | ToolReturned
    | AnswerFinished
    | ApprovalWanted
)
