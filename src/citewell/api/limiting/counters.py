"""Where requests are counted: in this process, in bounded memory, by a clock that is given.

The library's own store in memory keeps every key until a scan of all of them, begun by each
request, finds it expired; whoever sends from many addresses could fill it.
"""

import time
from collections.abc import Callable

from limits.aio.storage import Storage

MAX_KEYS = 50_000


class Counters(Storage):
    """A store of the library `limits`; beyond `MAX_KEYS` the oldest window is forgotten.

    Forgetting can only be generous.
    """

    STORAGE_SCHEME = ["citewell"]  # noqa: RUF012  # The library declares it so.

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` counts seconds."""
        super().__init__()
        self.clock = clock
        self._windows: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this store raises: nothing."""
        return Exception

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count in the window of `key`, which begins with the first count."""
        count, ends = self._window(key)
        if not count:
            while len(self._windows) >= MAX_KEYS:
                del self._windows[next(iter(self._windows))]
            ends = self.clock() + expiry
        self._windows[key] = (count + amount, ends)
        return count + amount

    async def get(self, key: str) -> int:
        """What was counted in the window of `key`."""
        return self._window(key)[0]

    async def get_expiry(self, key: str) -> float:
        """When the window of `key` ends."""
        return self._window(key)[1]

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int:
        """Forget everything."""
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Forget `key`."""
        self._windows.pop(key, None)

    def _window(self, key: str) -> tuple[int, float]:
        now = self.clock()
        count, ends = self._windows.get(key, (0, now))
        if count and ends <= now:
            del self._windows[key]
            return 0, now
        return count, ends
