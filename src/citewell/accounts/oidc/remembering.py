"""What a provider says of itself, asked for seldom: also when it does not answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from citewell.domain.errors import AppError

# So long one failure answers everybody who comes.
FAILED_SECONDS = 5.0

Made = TypeVar("Made")


@dataclass(slots=True)
class Remembered(Generic[Made]):
    """A value that `fetch` gets; whoever comes while it is on its way waits for the same one."""

    fetch: Callable[[], Awaitable[Made]]
    clock: Callable[[], float] = time.monotonic
    _value: Made | None = None
    _fetched_at: float = float("-inf")
    _failure: AppError | None = None
    _failed_at: float = float("-inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, *, seconds: float) -> Made:
        """The value, at most `seconds` old; raises what `fetch` does."""
        async with self._turn:
            if self._value is not None and self.clock() - self._fetched_at < seconds:
                return self._value
            if self._failure is not None and self.clock() - self._failed_at < FAILED_SECONDS:
                raise self._failure.with_traceback(None)
            return await self._renew()

    async def _renew(self) -> Made:
        try:
            self._value = await self.fetch()
        except AppError as error:
            self._failure, self._failed_at = error, self.clock()
            raise
        self._fetched_at, self._failure = self.clock(), None
        return self._value
