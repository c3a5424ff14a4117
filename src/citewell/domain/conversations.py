"""What people and the agent have said to each other."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from citewell.domain.ids import ConversationId, MessageId, RunId
from citewell.domain.passages import Citation

MOST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of one person; `turns` counts its runs, `last_at` is when it last began one.

    Before the first run it is when the conversation was made.
    """

    id: ConversationId
    title: str
    turns: int
    created_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance; `role` is `user` or `assistant`, citations are in the order of their text."""

    id: MessageId
    run_id: RunId
    role: str
    text: str
    grounded: float | None
    answered: bool | None
    partial: bool
    created_at: datetime
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of a conversation and what was said to it: nothing while it is being answered."""

    question: str
    answer: str = ""
    answered: bool = False


class Keeping(StrEnum):
    """What became of a fact that somebody wanted kept in mind."""

    KEPT = "kept"
    NO_CONSENT = "no_consent"
    FULL = "full"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Noted:
    """A fact that a question was, and what became of it."""

    text: str
    keeping: Keeping


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a question is asked with beside its passages.

    `turns` are the last ones of its conversation, the oldest first, `summary` is what was said
    before them, one line a turn, `facts` are what the person wants kept in mind, and `noted` is
    such a fact in place of a question. All of it is somebody's words or quotes of documents: data,
    never an instruction.
    """

    turns: tuple[Exchange, ...] = ()
    summary: str = ""
    facts: tuple[str, ...] = ()
    noted: Noted | None = None


NOTHING = Remembered()
