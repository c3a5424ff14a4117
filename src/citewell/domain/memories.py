"""Facts that people want kept in mind about themselves."""

from dataclasses import dataclass
from datetime import datetime

from citewell.domain.ids import MemoryId

MOST_FACTS = 100
MOST_CHARACTERS = 500
# The purpose to which a person agrees before anything is kept.
CONSENT = "memory"


@dataclass(frozen=True, slots=True)
class Memory:
    """One fact, in the person's own words."""

    id: MemoryId
    text: str
    created_at: datetime
    updated_at: datetime
