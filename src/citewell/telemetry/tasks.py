"""The one owner of background tasks: every task has a name, a limit and an end."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from citewell.domain.errors import UnavailableError
from citewell.telemetry.logs import logger

MOST = 2000

log = logger(__name__)


@dataclass(slots=True)
class Tasks:
    """Tasks that outlive the function that started them.

    `on_failure` is called with the name of an essential task that ended by an error.
    """

    on_failure: Callable[[str], None] = lambda _: None
    most: int = MOST
    _running: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(
        self, name: str, work: Coroutine[Any, Any, Any], *, essential: bool = False
    ) -> asyncio.Task[Any]:
        """Run `work` in the background. Raises `UnavailableError` when too much is running."""
        if len(self._running) >= self.most:
            work.close()
            raise UnavailableError("The server is busy.", hint="Try again in a moment.")
        task = asyncio.create_task(work, name=name)  # noqa: TID251  # This is the owner.
        self._running.add(task)
        task.add_done_callback(self._ended_essential if essential else self._ended)
        return task

    async def close(self, *, seconds: float = 10.0) -> None:
        """Cancel everything and wait for it, at most `seconds`."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)

    def _ended(self, task: asyncio.Task[Any]) -> bool:
        self._running.discard(task)
        if task.cancelled() or task.exception() is None:
            return False
        log.error("task.failed", task=task.get_name(), exc_info=task.exception())
        return True

    def _ended_essential(self, task: asyncio.Task[Any]) -> None:
        if self._ended(task):
            self.on_failure(task.get_name())
