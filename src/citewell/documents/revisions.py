"""Revisions: names for the states that what can be changed has been in."""

import hashlib
from collections.abc import Set as AbstractSet

from pydantic import TypeAdapter

from citewell.domain.conversations import Conversation
from citewell.domain.documents import Collection, Document
from citewell.domain.errors import ChangedError
from citewell.domain.memories import Memory

CHARACTERS = 32

State = Document | Collection | Conversation | Memory

_STATE: TypeAdapter[State] = TypeAdapter(State)


def revision(state: State) -> str:
    """Equal for equal states only, in every process."""
    return hashlib.sha256(_STATE.dump_json(state)).hexdigest()[:CHARACTERS]


def check_unchanged(state: State, seen: AbstractSet[str] | None) -> None:
    """Raises `ChangedError` when `state` is none of the revisions `seen`; None is any.

    Only a state whose row the transaction has locked is still that of the thing afterwards.
    """
    if seen is not None and revision(state) not in seen:
        raise ChangedError(
            "It has changed since you read it.", hint="Read it again, then repeat the change."
        )
