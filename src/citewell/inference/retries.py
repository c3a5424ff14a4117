"""Asking again: how long, how often, and when to give up."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from citewell.domain.errors import UnavailableError

LONGEST_ASKED = 3600.0

T = TypeVar("T")
_CHANCE = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: the whole effort, the first bound of a wait, and the bound it doubles up to."""

    total: float = 60.0
    first: float = 0.5
    most: float = 8.0

    def wait(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after failed attempt `attempt`, counted from 0.

        A random part of the bound keeps many clients from returning at once; what the server
        `asked` for comes on top.
        """
        bound = min(self.most, self.first * 2 ** min(attempt, 30))
        return (asked or 0.0) + _CHANCE.uniform(0.0, bound)


class TransientError(Exception):
    """An attempt failed in a way that may pass; `asked` is the server's wish in seconds."""

    def __init__(self, message: str, *, asked: float | None = None) -> None:
        """`message` becomes that of `UnavailableError` if no attempt succeeds."""
        super().__init__(message)
        self.asked = asked


async def persist(attempt: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """Attempts until one succeeds or raises anything else than `TransientError`.

    Raises `UnavailableError` when `patience.total` is over or the next wait would outlast it.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience.total
    last, number = "No answer in time.", 0
    try:
        async with asyncio.timeout_at(end) as limit:
            while True:
                try:
                    return await attempt()
                except TransientError as problem:
                    last = str(problem)
                    wait = patience.wait(number, problem.asked)
                    if loop.time() + wait >= end:
                        raise _given_up(last, wait) from problem
                await asyncio.sleep(wait)
                number += 1
    except TimeoutError as problem:
        if not limit.expired():
            raise
        raise _given_up(last, patience.most) from problem


def seconds_asked(value: str | None, now: datetime | None = None) -> float | None:
    """A Retry-After header, seconds or a date, as seconds from `now`; None if it says neither.

    A server that asks for more than `LONGEST_ASKED` is asked again after that all the same.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wished = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, wished), LONGEST_ASKED)


def _given_up(message: str, wait: float) -> UnavailableError:
    return UnavailableError(
        message, hint="Try again later, or check that the model server runs.", retry_after=wait
    )
