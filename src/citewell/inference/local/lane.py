"""The threads that work with a local model, off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference.local import libraries
from citewell.inference.processors import cores

T = TypeVar("T")


class Lane:
    """Does as many pieces of work at once as it has threads, the others in their order.

    With `spread` 1 torch computes each piece in its thread alone: on a processor, pieces side by
    side get more done than pieces that are spread, and wait for no core that somebody else has.
    """

    __slots__ = ("_is_closed", "_name", "_pool", "threads")

    def __init__(self, name: str, *, threads: int = 1, spread: int = 0) -> None:
        """Starts no thread before there is work; `name` is the model's, `spread` 0 all cores."""
        self._name, self.threads = name, threads
        begin = partial(libraries.spread_over, spread or cores())
        self._pool = ThreadPoolExecutor(threads, "local-model", begin)
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
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self) -> None:
        """Waits for the work that runs, drops what waits; may be called twice."""
        self._is_closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _closed(self) -> UnavailableError:
        return UnavailableError(f"{self._name} is closed.", hint="The server is stopping.")
