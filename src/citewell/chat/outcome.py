"""What came out of a run, read from its log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from citewell.chat.narration import OpenParts
from citewell.storage.repositories.conversing.run_log import JsonObject


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer as its reader saw it.

    `citations`, `doubts` and `related` are as in the log's `metadata.rag`; `error` is the code and
    message of a run that failed. A run that was cancelled has no error, and `reason` is
    `cancelled`; one that waits for a person has the `reason` `interrupt`, and its questions are
    `interrupts`.
    """

    text: str
    citations: list[dict[str, Any]]
    doubts: list[dict[str, Any]]
    grounded: float
    answered: bool
    reason: str
    related: list[dict[str, Any]]
    error: tuple[str, str] | None
    interrupts: list[dict[str, Any]] = field(default_factory=list)


def outcome_of(events: Iterable[JsonObject]) -> Outcome:
    """The outcome of all events of a run that has ended."""
    parts = OpenParts()
    rag: Mapping[str, Any] = {}
    terminal: JsonObject = {}
    for event in events:
        parts.observe(event)
        if event["type"] == "TEXT_MESSAGE_END":
            rag = event["metadata"]["rag"]
        terminal = event
    return Outcome(
        text=parts.text,
        citations=list(rag.get("citations", [])),
        doubts=list(rag.get("doubts", [])),
        grounded=rag.get("grounded", 0.0),
        answered=rag.get("answered", False),
        reason=rag.get("reason", _reason(terminal)),
        related=list(rag.get("related", [])),
        error=_error(terminal),
        interrupts=list(terminal.get("outcome", {}).get("interrupts", [])),
    )


def _error(terminal: JsonObject) -> tuple[str, str] | None:
    if terminal["type"] != "RUN_ERROR":
        return None
    return terminal["code"], terminal["message"]


def _reason(terminal: JsonObject) -> str:
    """Why there is no whole answer: the error's code, or `cancelled`."""
    if terminal["type"] == "RUN_ERROR":
        return str(terminal["code"])
    return str(terminal["outcome"]["type"])
