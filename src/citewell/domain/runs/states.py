"""Where a run is on its way."""

from enum import StrEnum


class RunState(StrEnum):
    """`running` has a live lease or is about to be recovered; `paused` waits for a person."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def has_ended(self) -> bool:
        """Whether the run leaves it never again."""
        return self not in {RunState.RUNNING, RunState.PAUSED}
