"""The one thread that works with a local model: torch spreads each piece of work itself."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from citewell.domain.errors import UnavailableError, UpstreamError

T = TypeVar("T")


class Lane:
    """Does one piece of work after the other, off the event loop; `name` is the model's."""

    __slots__ = ("_is_closed", "_name", "_thread")

    def __init__(self, name: str) -> None:
        """Starts no thread before there is work."""
        self._name = name
        self._thread = ThreadPoolExecutor(1, "local-model")
        self._is_closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What the work gives; work that has not begun is dropped when nobody waits for it.

        Raises `UnavailableError` after `close`, `UpstreamError` when torch fails.
        """
        try:
            return await self.begin(work)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._is_closed and not (task and task.cancelling()):
                raise self._closed() from None
            raise
        except RuntimeError as problem:
            # For want of memory, say.
            raise UpstreamError(f"{self._name} failed: {problem}"[:300]) from problem

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """As `run`, without waiting; what the work raises is raised as it is."""
        if self._is_closed:
            raise self._closed()
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Waits for the work that runs, drops what waits; may be called twice."""
        self._is_closed = True
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _closed(self) -> UnavailableError:
        return UnavailableError(f"{self._name} is closed.", hint="The server is stopping.")
