"""Local limits: how often one caller may ask, and how much goes on at the same time."""

import math
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from citewell.domain.errors import LimitedError, UnavailableError

RATE = 200.0
BURST = 1000.0
MAX_CALLERS = 10_000
MAX_UPLOADS = 16
MAX_SOCKETS = 1000


@dataclass(slots=True)
class TokenBuckets:
    """One bucket per caller: `burst` at once, `rate` per second for ever.

    Beyond `MAX_CALLERS` the one that was idle longest is forgotten, which can only be generous.
    """

    rate: float = RATE
    burst: float = BURST
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[Hashable, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: Hashable) -> int:
        """Take one token and say how many are left.

        Raises `LimitedError` with the seconds until there is one.
        """
        now = self.clock()
        tokens, at = self._buckets.pop(caller, (self.burst, now))
        tokens = min(self.burst, tokens + (now - at) * self.rate)
        while len(self._buckets) >= MAX_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[caller] = (tokens - 1 if tokens >= 1 else tokens, now)
        if tokens < 1:
            raise LimitedError(
                f"More than {self.rate:g} requests per second.",
                hint="Send them more slowly.",
                retry_after=(1 - tokens) / self.rate,
            )
        return int(tokens - 1)

    def headers(self, left: int) -> dict[str, str]:
        """What a caller with `left` tokens is told (draft-ietf-httpapi-ratelimit-headers)."""
        full_in = math.ceil((self.burst - left) / self.rate)
        window = math.ceil(self.burst / self.rate)
        return {
            "ratelimit-policy": f'"default";q={int(self.burst)};w={window}',
            "ratelimit": f'"default";r={left};t={full_in}',
        }


@dataclass(slots=True)
class Slots:
    """At most `most` holders at the same time; nobody queues."""

    most: int
    what: str
    _held: int = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a slot, or raise `UnavailableError`."""
        if self._held >= self.most:
            raise UnavailableError(
                f"{self.most} {self.what} are going on already.", hint="Try again in a moment."
            )
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
