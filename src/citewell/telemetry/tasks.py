"""Background tasks: started, bounded, looked after and ended in one place."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from citewell.domain.errors import UnavailableError
from citewell.telemetry.logs import logger

T = TypeVar("T")

MOST = 2000
CLOSE_SECONDS = 10.0

log = logger(__name__)


@dataclass(slots=True)
class Tasks:
    """Holds at most `most` tasks of one event loop until they end.

    A failure is logged once, as `task.failed`. `on_failure` gets the name of an essential task that
    failed, so that the process can end instead of running on without it.
    """

    on_failure: Callable[[str], None] = lambda _: None
    most: int = MOST
    _running: set[asyncio.Task[Any]] = field(default_factory=set)
    _closed: bool = False

    def start(
        self, name: str, work: Coroutine[Any, Any, T], *, essential: bool = False
    ) -> asyncio.Task[T]:
        """Run `work` apart from the caller.

        Raises `UnavailableError` when the limit is reached or the tasks are closed; `work`
        has done nothing then.
        """
        if self._closed or len(self._running) >= self.most:
            work.close()
            raise UnavailableError(
                "The server has as much work as it can do at once.",
                hint="Try again in a second.",
                retry_after=1,
            )
        task = asyncio.create_task(work, name=name)  # noqa: TID251 - the owner of tasks
        self._running.add(task)
        task.add_done_callback(self._essential_ended if essential else self._ended)
        return task

    def count(self) -> int:
        """How many tasks are running."""
        return len(self._running)

    async def close(self, *, seconds: float = CLOSE_SECONDS) -> None:
        """Cancel every task and wait for their ends, at most `seconds`; no other can start."""
        self._closed = True
        tasks = self._running - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, stuck = await asyncio.wait(tasks, timeout=seconds)
        for task in stuck:
            log.error("task.stuck", task=task.get_name(), seconds=seconds)

    def _ended(self, task: asyncio.Task[Any]) -> bool:
        """Forget a task; whether it failed."""
        self._running.discard(task)
        if task.cancelled() or task.exception() is None:
            return False
        log.error("task.failed", task=task.get_name(), exc_info=task.exception())
        return True

    def _essential_ended(self, task: asyncio.Task[Any]) -> None:
        if self._ended(task):
            self.on_failure(task.get_name())
