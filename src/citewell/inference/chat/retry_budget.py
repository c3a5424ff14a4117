"""How often a model is asked again: never much more often than people ask."""

from dataclasses import dataclass

SHARE = 0.1
MOST_SAVED = 10.0


@dataclass(slots=True)
class RetryBudget:
    """Each first attempt saves a tenth of a repetition; one is there from the start."""

    _saved: float = 1.0

    def asked(self) -> None:
        """Somebody has asked for the first time."""
        self._saved = min(MOST_SAVED, self._saved + SHARE)

    def take(self) -> bool:
        """Whether a repetition is paid for; it is then spent."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
