"""Questions, answers with their citations, and runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from citewell.api.schemas.fields import Body, CollectionNames, Question, Shown
from citewell.chat.outcome import Outcome
from citewell.domain.passages import Citation, DoubtReason
from citewell.domain.runs.states import RunState
from citewell.storage.repositories.conversing.runs import Run


class QueryAsked(Body):
    """A question to the tenant's documents; without a `conversation` it begins one."""

    input: Question
    collections: CollectionNames = Field(default=[])
    conversation: UUID | None = None


class CitationShown(Shown):
    """A footnote: `quote` is the canonical text of the version at `start`..`end`.

    `n` is the mark in the response, `answer` the characters of the sentence that it supports.
    """

    n: int
    answer: list[int]
    passage_id: UUID
    document_id: UUID
    version_id: UUID
    start: int
    end: int
    quote: str
    title: str = ""
    filename: str = ""
    page: int | None = None
    verified: bool

    @classmethod
    def of(cls, citation: Citation) -> "CitationShown":
        """As the run's log would say it."""
        same = ("document_id", "version_id", "start", "end", "quote", "title", "filename", "page")
        return cls(
            n=citation.number,
            answer=[citation.answer_start, citation.answer_end],
            passage_id=citation.chunk_id,
            verified=citation.verified,
            **{name: getattr(citation, name) for name in same},
        )


class DoubtShown(Shown):
    """What does not hold: these characters of the response, or the mark `n` behind them."""

    answer: list[int]
    reason: DoubtReason
    n: int | None = None


class RelatedShown(Shown):
    """One of the nearest passages when there is no answer; it is not an answer."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)

    n: int
    passage_id: UUID
    document_id: UUID
    version_id: UUID
    title: str = ""
    filename: str = ""
    page: int | None = None
    page_label: str = ""
    start: int
    end: int
    scores: Mapping[str, float] = {}
    preview: str = ""


class InterruptShown(Shown):
    """A call of a tool that waits for a person: `arguments` are exactly what it would get.

    Answer it by `POST /api/v1/runs/{run_id}/resume` before `expires_at`.
    """

    id: UUID
    reason: str
    message: str
    tool: str
    arguments: Mapping[str, Any]
    expires_at: datetime
    response_schema: Mapping[str, Any]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "InterruptShown":
        """As AG-UI says it."""
        call = said["metadata"]["rag"]
        return cls(
            id=said["id"],
            reason=said["reason"],
            message=said["message"],
            tool=call["tool"],
            arguments=call["arguments"],
            expires_at=said["expiresAt"],
            response_schema=said["responseSchema"],
        )


class QueryAnswered(Shown):
    """What was said; `grounded` is the share of it that verified quotes support, 0 to 1.

    `doubts` name what does not hold, and why. With `answered` false, `reason` says why and
    `related` holds the nearest passages. With the `reason` `interrupt` the run waits for a person,
    whom `interrupts` ask.
    """

    response: str
    citations: list[CitationShown]
    doubts: list[DoubtShown]
    answered: bool
    grounded: float
    reason: str
    related: list[RelatedShown]
    interrupts: list[InterruptShown]
    run_id: UUID
    conversation_id: UUID

    @classmethod
    def of(cls, run: Run, outcome: Outcome) -> "QueryAnswered":
        """As the run's log says."""
        return cls(
            response=outcome.text,
            citations=[CitationShown.model_validate(one) for one in outcome.citations],
            doubts=[DoubtShown.model_validate(one) for one in outcome.doubts],
            answered=outcome.answered,
            grounded=outcome.grounded,
            reason=outcome.reason,
            related=[RelatedShown.model_validate(one) for one in outcome.related],
            interrupts=[InterruptShown.of(one) for one in outcome.interrupts],
            run_id=run.id,
            conversation_id=run.conversation_id,
        )


class RunShown(Shown):
    """A run; `head` is the number of its last event, -1 before the first."""

    id: UUID
    conversation_id: UUID
    state: RunState
    request: Mapping[str, Any]
    head: int
    cancel_requested: bool
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> "RunShown":
        """As its row says."""
        return cls(**{name: getattr(run, name) for name in cls.model_fields})


class RunPage(Shown):
    """The caller's own, newest first."""

    items: list[RunShown]
    next_cursor: str | None


class CancelRequested(Shown):
    """The process that has the run was asked to stop it."""

    id: UUID
    cancel_requested: bool = True
