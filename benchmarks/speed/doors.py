"""What the doors add to a request: who is it, and how often do they ask.

`python -m benchmarks.speed.doors` prints JSON: milliseconds at p50 and p99, with a credential that
this process has seen in the last seconds and with one that is looked up in the database.
"""

import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from citewell.accounts.service import Accounts
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import open_app
from citewell.config import LimitSettings, Settings

REQUESTS = 2_000
UNLIMITED = 10**9


async def timed(work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Milliseconds of one call among many."""
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    p99 = statistics.quantiles(took, n=100)[98]
    return {"p50_ms": round(statistics.median(took), 3), "p99_ms": round(p99, 3)}


async def measure() -> dict[str, dict[str, float]]:
    """Both kinds of requests, in a real application."""
    limits = LimitSettings(
        requests_per_address=UNLIMITED,
        requests_per_key=UNLIMITED,
        requests_per_user=UNLIMITED,
        requests_per_tenant=UNLIMITED,
    )
    rates = Rates(limits)
    with tempfile.TemporaryDirectory() as folder:
        async with open_app(Settings(home=Path(folder), limits=limits)) as app:

            async def pass_through(accounts: Accounts) -> None:
                (await rates.take_address("192.0.2.1")).check()
                principal = await accounts.authenticate(app.admin_key)
                (await rates.take(principal)).check()

            hours = itertools.count(step=3600)
            # Its ring is not asked: what is carried is a key.
            forgetful = Accounts.of(app.database, "-" * 43, clock=lambda: float(next(hours)))
            return {
                "credential seen lately": await timed(lambda: pass_through(app.accounts)),
                "credential looked up": await timed(lambda: pass_through(forgetful)),
            }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
