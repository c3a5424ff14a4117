"""What the graph, the log and the checks add to an answer without a model, beside its searches.

`python -m benchmarks.speed.asking --data ../shared/data --keep DIR` prints JSON and writes
benchmarks/results/asking.json: milliseconds of a whole run, from the question until its last event
has been read from its log, on the event loop that the server runs on; of its searches and readings,
as its steps tell them; of the rest, which is the graph, the log in the database and the check of
every footnote; and until the first event.
`DIR` is a data directory that `benchmarks.quality --keep` has filled with the set.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.machine import machine
from benchmarks.product import Product, running
from citewell.domain.ids import CollectionId
from citewell.evaluation.sets import load

# Searching, and reading what was found sentence by sentence: not the graph's.
WORK = ("retrieve", "judge")
WARM_UP = 5
RESULT = Path(__file__).parents[1] / "results" / "asking.json"


@dataclass(slots=True)
class Times:
    """Milliseconds, one of each a question."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)

    @property
    def rest(self) -> list[float]:
        """The run without its searches and readings."""
        return [whole - work for whole, work in zip(self.whole, self.work, strict=True)]


async def ask(product: Product, collection: CollectionId, text: str, times: Times) -> None:
    """One run, timed."""
    chat = product.app.chat
    began = time.perf_counter()
    first, work = 0.0, 0.0
    run = await chat.start(product.principal, text, (collection,))
    async for _, event in chat.events(product.principal, run.id):
        first = first or time.perf_counter() - began
        if event["type"] == "STEP_FINISHED" and event["stepName"].split("#")[0] in WORK:
            work += event["metadata"]["rag"]["ms"]
    times.first.append(first * 1000)
    times.whole.append((time.perf_counter() - began) * 1000)
    times.work.append(work)


async def measure(home: Path, folder: Path, questions: int) -> dict[str, dict[str, float]]:
    """Every question of a set once, up to a number."""
    times = Times()
    golden = load(folder)
    async with running(home) as product:
        collection = await product.collection(folder.name)
        for question in golden.questions[:WARM_UP]:
            await ask(product, collection, question.text, Times())
        for question in golden.questions[:questions]:
            await ask(product, collection, question.text, times)
    taken = {"run": times.whole, "search_and_reading": times.work, "rest": times.rest}
    return {name: _figures(took) for name, took in {**taken, "first_event": times.first}.items()}


def _figures(took: list[float]) -> dict[str, float]:
    p95 = statistics.quantiles(took, n=20)[18]
    return {"p50_ms": round(statistics.median(took), 2), "p95_ms": round(p95, 2)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--set", default="squad")
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    figures = uvloop.run(measure(given.keep, given.data / "quality" / given.set, given.questions))
    told = json.dumps({"machine": machine(), "figures": figures}, indent=1)
    RESULT.write_text(told + "\n", encoding="utf-8")
    print(told)


if __name__ == "__main__":
    main()
