"""What a run that may pause needs of whoever carries it: a place for its state, and a person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from citewell.domain.runs.approvals import Begun, Decision, Outcome


@dataclass(frozen=True, slots=True)
class Kept:
    """The last state of a run, and what its step in progress has written; both as JSON."""

    checkpoint_id: str
    content: str
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Of one run, and of those that go on from it; all is durable when a call returns.

    `load` gives what was kept last, and `keep` replaces it. `write` adds to what a step has written
    in the state with this id, and has no effect on any other state. `begin` uses an approval: only
    the first time, and only for its own digest, its call may run; `end` says what came of it. Each
    raises `UnavailableError` while the database is away.
    """

    load: Callable[[], Awaitable[Kept | None]]
    keep: Callable[[Kept], Awaitable[None]]
    write: Callable[[str, tuple[str, ...]], Awaitable[None]]
    begin: Callable[[Decision], Awaitable[Begun]]
    end: Callable[[Decision, Outcome], Awaitable[None]]
