"""How often somebody may ask: per address, key, user and tenant."""

import math
from dataclasses import dataclass, replace

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter

from citewell.api.limiting.counters import Counters
from citewell.config import LimitSettings
from citewell.domain.errors import LimitedError
from citewell.domain.principal import Principal

COUNTED = {
    "address": "requests from your address",
    "guesses": "wrong credentials from your address",
    "key": "requests with one key",
    "user": "requests of one user",
    "tenant": "requests of one tenant",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with a limit: `left` of `most`, all of it again in `seconds`."""

    name: str
    most: int
    left: int
    window: int
    seconds: float
    allowed: bool

    def check(self) -> None:
        """Pass, or raise `LimitedError` with the seconds until the window ends."""
        if not self.allowed:
            raise LimitedError(
                f"More than {self.most:,} {COUNTED[self.name]} in {self.window} seconds.",
                hint="Send them more slowly.",
                retry_after=self.seconds,
            )

    def headers(self) -> dict[str, str]:
        """As a caller is told (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "ratelimit-policy": f'"{self.name}";q={self.most};w={self.window}',
            "ratelimit": f'"{self.name}";r={self.left};t={math.ceil(self.seconds)}',
        }


class Rates:
    """Counts requests, in windows of a minute that begin with the first one."""

    def __init__(self, settings: LimitSettings, counters: Counters | None = None) -> None:
        """Counted in this process; several processes on one address will share `counters`."""
        self._counters = counters or Counters()
        self._strategy = FixedWindowRateLimiter(self._counters)
        self._limits: dict[str, RateLimitItem] = {
            name: RateLimitItemPerMinute(most, namespace=name)
            for name, most in (
                ("address", settings.requests_per_address),
                ("guesses", settings.guesses_per_address),
                ("key", settings.requests_per_key),
                ("user", settings.requests_per_user),
                ("tenant", settings.requests_per_tenant),
            )
        }

    async def take_address(self, address: str) -> Standing:
        """Count a request before anybody knows whose it is."""
        guesses = await self._stand("guesses", address)
        return await self._take("address", address) if guesses.allowed else guesses

    async def blame(self, address: str) -> None:
        """Count a credential that was wrong."""
        await self._strategy.hit(self._limits["guesses"], address)

    async def take(self, principal: Principal) -> Standing:
        """Count a request of a known caller; where they stand with the nearest limit.

        What is refused by the caller's own limit does not count against their tenant's.
        """
        whose = [("user", str(principal.user_id)), ("tenant", str(principal.tenant_id))]
        if principal.key_id is not None:
            whose.insert(0, ("key", str(principal.key_id)))
        standings: list[Standing] = []
        for name, who in whose:
            standings.append(await self._take(name, who))
            if not standings[-1].allowed:
                return standings[-1]
        return min(standings, key=lambda one: one.left)

    async def _take(self, name: str, who: str) -> Standing:
        allowed = await self._strategy.hit(self._limits[name], who)
        return replace(await self._stand(name, who), allowed=allowed)

    async def _stand(self, name: str, who: str) -> Standing:
        item = self._limits[name]
        stats = await self._strategy.get_window_stats(item, who)
        seconds = max(0.0, stats.reset_time - self._counters.clock())
        left = stats.remaining
        return Standing(name, item.amount, left, item.get_expiry(), seconds, allowed=left > 0)
