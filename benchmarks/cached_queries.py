"""How many cached questions a server answers in a second, over HTTP.

`python -m benchmarks.cached_queries --data ../shared/data` prints JSON: requests a second of
`POST /query` from eight connections to one server process, with the cache off and on; and of
`GET /healthz`, which does nothing, for comparison.
"""

import argparse
import asyncio
import http.client
import json
import os
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.product import File, running, working
from benchmarks.speed.start import serving

CONNECTIONS = 8
SECONDS = 8.0
QUESTIONS = 5
UNLIMITED = {
    f"CITEWELL_LIMITS__REQUESTS_PER_{who}": str(10**9)
    for who in ("ADDRESS", "KEY", "USER", "TENANT")
}


async def fill(home: Path, data: Path) -> tuple[str, list[str]]:
    """A server's data with some guides; its key, and questions about them."""
    guides = sorted((data / "docs").rglob("*.md"))[:20]
    files = [File(path.name, path.stem, path.read_text("utf-8")) for path in guides]
    async with running(home) as product, working(home):
        await product.add(await product.collection("default"), files)
        key = product.app.admin_key
    return key, [f"What is said about {path.stem}?" for path in guides[:QUESTIONS]]


def rate(address: str, key: str, method: str, path: str, bodies: list[str]) -> dict[str, float]:
    """Requests a second of all connections together, and the median milliseconds of one."""
    took: list[float] = []
    end = time.perf_counter() + SECONDS

    def work(number: int) -> None:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        while (began := time.perf_counter()) < end:
            body = bodies[number % len(bodies)] if bodies else None
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            said = reply.read()
            if reply.status != 200:
                raise SystemExit(f"{reply.status}: {said[:200]!r}")
            took.append((time.perf_counter() - began) * 1000)
            number += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CONNECTIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    took.sort()
    return {"per_second": round(len(took) / SECONDS, 1), "p50_ms": round(took[len(took) // 2], 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    os.environ.update(UNLIMITED)
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        key, questions = asyncio.run(fill(home, data))
        bodies = [json.dumps({"input": text}) for text in questions]
        for mode in ("off", "same"):
            os.environ["CITEWELL_ANSWER_CACHE__MODE"] = mode
            with serving(home) as address:
                for body in bodies:
                    rate_once(address, key, body)
                figures[f"query, cache {mode}"] = rate(address, key, "POST", "/query", bodies)
                if mode == "same":
                    figures["healthz"] = rate(address, key, "GET", "/healthz", [])
    print(json.dumps({"machine": machine(), **figures}, indent=1))


def rate_once(address: str, key: str, body: str) -> None:
    """Ask once, so that everything is loaded and kept."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/query", body, headers)
    connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    main()
