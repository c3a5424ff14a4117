"""Listening to a stream: no longer silent than allowed, and never left open."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from citewell.inference.chat.failures import SilentError
from citewell.inference.egress.lent import line

# A reader that is slower than the model holds it up instead of filling the memory.
MOST_AHEAD = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: until the first piece, between two, and until the last."""

    first: float = 20.0
    between: float = 15.0
    whole: float = 120.0


async def paced(source: Callable[[], AsyncIterable[T]], pace: Pace, name: str) -> AsyncGenerator[T]:
    """The pieces of `source`, which runs in a task of its own.

    Closing the generator ends the task and hangs up before it returns, wherever either of them
    stands. Raises `SilentError` when a piece does not come in time, and what `source` raises.
    """
    pieces: asyncio.Queue[T | None] = asyncio.Queue(MOST_AHEAD)

    async def listen() -> None:
        async with line():
            async for piece in source():
                await pieces.put(piece)
        await pieces.put(None)

    listening = asyncio.ensure_future(listen())
    end = asyncio.get_running_loop().time() + pace.whole
    try:
        wait = pace.first
        while (piece := await _next(pieces, listening, _Wait(wait, end, name))) is not None:
            yield piece
            wait = pace.between
    finally:
        listening.cancel()
        # Whatever it still raises was raised to the reader, or concerns nobody any more.
        await asyncio.gather(listening, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Wait:
    seconds: float
    end: float
    name: str


async def _next(
    pieces: "asyncio.Queue[T | None]", listening: "asyncio.Future[None]", wait: _Wait
) -> T | None:
    with suppress(asyncio.QueueEmpty):
        return pieces.get_nowait()
    left = min(wait.seconds, max(0.0, wait.end - asyncio.get_running_loop().time()))
    getting = asyncio.ensure_future(pieces.get())
    either: set[asyncio.Future[Any]] = {getting, listening}
    try:
        await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        if listening.done():
            listening.result()
            return pieces.get_nowait()
    finally:
        getting.cancel()
    raise SilentError(
        f"{wait.name} said nothing for {left:.3g} seconds.",
        hint="Try again later, or choose a faster model.",
    )
