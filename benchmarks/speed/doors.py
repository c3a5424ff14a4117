"""What the doors add to a request: who is it, how often do they ask, and the way over HTTP.

`python -m benchmarks.speed.doors --data ../shared/data` prints JSON and writes
benchmarks/results/doors.json: milliseconds at p50 and p99 of the guard with a credential that this
process has seen in the last seconds and with one that is looked up in the database; and of a whole
search over HTTP beside the stages of the search itself, which the answer tells: the rest is HTTP,
JSON, credential, limits and rights together.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.product import File, running, working
from benchmarks.speed.start import serving
from citewell.accounts.service import Accounts
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import open_app
from citewell.config import LimitSettings, Settings

REQUESTS = 2_000
SEARCHES = 500
UNLIMITED = 10**9
RESULT = Path(__file__).parents[1] / "results" / "doors.json"


async def timed(work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Milliseconds of one call among many."""
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    return figures(took)


def figures(took: list[float]) -> dict[str, float]:
    """Milliseconds as they are told."""
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


async def searched(data: Path) -> dict[str, dict[str, float]]:
    """A search over HTTP at a server with some guides, one after the other on one connection."""
    guides = sorted((data / "docs").rglob("*.md"))[:20]
    files = [File(path.name, path.stem, path.read_text("utf-8")) for path in guides]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with running(home) as product, working(home):
            await product.add(await product.collection("default"), files)
            key = product.app.admin_key
        with serving(home) as address:
            return await asyncio.to_thread(_ask, address, key, [path.stem for path in guides])


def _ask(address: str, key: str, subjects: list[str]) -> dict[str, dict[str, float]]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    whole, own = [], []
    for number in range(SEARCHES + len(subjects)):
        query = f"What is said about {subjects[number % len(subjects)]}, part {number}?"
        began = time.perf_counter()
        connection.request("POST", "/api/v1/search", json.dumps({"query": query}), headers)
        answer = connection.getresponse()
        body = answer.read()
        if number < len(subjects):
            continue  # The index is opened by the first.
        whole.append((time.perf_counter() - began) * 1000)
        own.append(sum(json.loads(body)["milliseconds"].values()))
    connection.close()
    added = [all_of_it - part for all_of_it, part in zip(whole, own, strict=True)]
    return {
        "search over HTTP": figures(whole),
        "of it the search": figures(own),
        "of it the rest": figures(added),
    }


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    taken = {**asyncio.run(measure()), **asyncio.run(searched(data))}
    told = json.dumps({"machine": machine(), "figures": taken}, indent=1)
    RESULT.write_text(told + "\n", encoding="utf-8")
    print(told)


if __name__ == "__main__":
    main()
