"""What a tenant may store and spend, and how much of it is used."""

from dataclasses import dataclass
from enum import StrEnum

from citewell.domain.errors import QuotaExceededError


class Resource(StrEnum):
    """What a quota counts."""

    DOCUMENTS = "documents"
    BYTES = "bytes"
    PAGES = "pages"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a resource is used, and the limit; None is no limit."""

    resource: Resource
    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        """How much more fits; None without a limit. A limit may be set below what is used."""
        return None if self.limit is None else max(0, self.limit - self.used)

    def refusal(self, more: int) -> QuotaExceededError:
        """What somebody is told whose `more` does not fit."""
        return QuotaExceededError(
            f"The quota of {self.resource} is used up: {self.used:,} of {self.limit or 0:,} are"
            f" stored, {self.left or 0:,} are left, and this needs {more:,} or more.",
            hint="Delete something, or ask whoever runs this installation for a larger quota.",
        )
