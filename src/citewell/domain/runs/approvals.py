"""A person's word on one call of a tool: what is asked, what was decided, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from citewell.domain.ids import ApprovalId, RunId


class Standing(StrEnum):
    """Where a question to a person stands; each may become one that is further down, never back."""

    ASKED = "asked"
    APPROVED = "approved"
    BEGUN = "begun"
    """The call was let through, once; whether it came to its end is not known."""
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that a person has to approve of before it runs.

    `number` counts the calls of its `thread`, the run that began it all, from 1: both together are
    the key of its effect. `arguments` are exact, `digest` is that of tool, arguments and thread,
    and `labels` say what the tool does. `language` (ISO 639-1) is that of whoever is to be asked;
    it is not stored, as the question is told when it is asked.
    """

    thread: RunId
    number: int
    tool: str
    arguments: Mapping[str, Any]
    digest: str
    labels: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided about the call with this digest."""

    approval_id: ApprovalId
    thread: RunId
    digest: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call that a person approved of."""

    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """Whether a call may run now; if not, what it gave `before`.

    `is_unknown` says that it was begun before and that nobody knows whether it took effect.
    """

    may_run: bool
    before: Outcome | None = None
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to a person, as it is stored; `run_id` is the run that paused for it."""

    id: ApprovalId
    run_id: RunId
    wanted: Wanted
    standing: Standing
    asked_at: datetime
    expires_at: datetime
