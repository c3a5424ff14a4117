"""Facts kept in mind, as clients see them."""

from datetime import datetime
from uuid import UUID

from citewell.api.schemas.fields import Body, Change, Fact, Shown


class NewMemory(Body):
    """A fact to be kept in mind, in one's own words."""

    text: Fact


class MemoryChange(Change):
    """What to say instead."""

    text: Fact = ""


class MemoryShown(Shown):
    """A fact about the caller."""

    id: UUID
    text: str
    created_at: datetime
    updated_at: datetime


class MemoryList(Shown):
    """The newest first; at most a hundred."""

    items: list[MemoryShown]
