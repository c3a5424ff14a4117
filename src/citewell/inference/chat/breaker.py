"""Leaving a model alone that fails, so that questions do not wait for it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

FAILURES = 5
FIRST_REST = 10.0
LONGEST_REST = 120.0


@dataclass(slots=True)
class Breaker:
    """After `FAILURES` in a row nobody asks for a while, then one call tries.

    Each failed trial doubles the rest. Times are seconds of `clock`.
    """

    clock: Callable[[], float] = monotonic
    _failures: int = 0
    _rest: float = FIRST_REST
    _until: float = 0.0
    _trying: bool = False

    def admits(self) -> bool:
        """Whether a call may be made now; who is admitted says how it ended."""
        if self._failures < FAILURES and self.clock() >= self._until:
            return True
        if self.clock() < self._until or self._trying:
            return False
        self._trying = True
        return True

    @property
    def seconds_left(self) -> float:
        """Until the next trial."""
        return max(0.0, self._until - self.clock())

    def succeeded(self) -> None:
        """The model answers: everybody may ask again."""
        self._failures, self._rest, self._until, self._trying = 0, FIRST_REST, 0.0, False

    def failed(self, asked: float = 0.0) -> None:
        """One more failure; `asked` are the seconds for which the provider wants to be left."""
        self._failures += 1
        if asked > 0:
            self._until = max(self._until, self.clock() + min(asked, LONGEST_REST))
        if self._trying:
            self._rest = min(LONGEST_REST, self._rest * 2)
        if self._failures >= FAILURES:
            self._until = max(self._until, self.clock() + self._rest)
        self._trying = False

    def left(self) -> None:
        """Nobody waited for the end of the call: it says nothing about the model."""
        self._trying = False
