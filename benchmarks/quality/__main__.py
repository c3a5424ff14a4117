"""Retrieval and answers on judged sets, through the product; writes results/quality.json.

usage: python -m benchmarks.quality --data ../shared/data/quality [--only scifact] [--keep FOLDER]
"""

import argparse
import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.product import File, Product, running, working
from benchmarks.quality import answers, chunking, follow_ups, gathering, retrieval
from benchmarks.quality.table import table
from citewell.domain.ids import CollectionId
from citewell.evaluation.sets import load

RESULTS = Path(__file__).parents[1] / "results" / "quality.json"
QUESTIONS = 1000


def main() -> None:
    """Measure the sets of a folder, print the table, keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder of sets, or of `quality`")
    parser.add_argument("--only", action="append", help="this set alone; may be repeated")
    parser.add_argument("--keep", type=Path, help="data directory to use again in a later run")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="asked for answers")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    folders = _sets(given.data, given.only)
    with tempfile.TemporaryDirectory() as scratch:
        home = given.keep or Path(scratch)
        figures = asyncio.run(_measure(home, folders, given.questions))
    kept = json.loads(given.results.read_text("utf-8")) if given.results.exists() else {}
    kept = {"machine": machine(), "sets": {**kept.get("sets", {}), **figures}}
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print(table(figures))


def _sets(data: Path, only: list[str] | None) -> list[Path]:
    data = data / "quality" if (data / "quality").is_dir() else data
    found = [p for p in sorted(data.glob("*")) if (p / "questions.jsonl").exists()]
    found += [p for p in sorted(data.glob("*")) if (p / "corpus.jsonl").exists()]
    found = [p for p in found if not only or p.name in only]
    if not found:
        raise SystemExit(f"{data} holds no set: a set is a folder with corpus.jsonl.")
    return found


async def _measure(home: Path, folders: list[Path], questions: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        product = await stack.enter_async_context(running(home))
        await stack.enter_async_context(working(home))
        for folder in folders:
            print(f"{folder.name} …", flush=True)
            figures[folder.name] = await _set(product, folder, questions)
            print(json.dumps(figures[folder.name]), flush=True)
    return figures


async def _set(product: Product, folder: Path, questions: int) -> dict[str, Any]:
    if (folder / "questions.jsonl").exists():
        collection = await _filled(product, folder.name, chunking.files_of(folder))
        return {"chunking": await chunking.measure(product, collection, folder)}
    golden = load(folder)
    laid = retrieval.lay_out(golden)
    collection = await _filled(product, golden.name, laid.files)
    figures = (await retrieval.measure(product, collection, golden, laid)).as_json()
    if golden.name in gathering.SETS:
        figures["gathered"] = await gathering.measure_gathered(product, collection, golden, laid)
    if not any(question.answers for question in golden.questions):
        return figures
    if golden.name != "squad":
        figures["answers"] = await answers.measure_answers(
            product, collection, golden, questions // 4
        )
        return figures
    figures["answers"] = await answers.measure_answers(product, collection, golden, questions)
    figures["follow-ups"] = await follow_ups.measure_follow_ups(product, collection, golden, laid)
    cut = answers.halves(golden)
    half = await _filled(product, cut.indexed.name, retrieval.lay_out(cut.indexed).files)
    figures["refusal"] = await answers.measure_refusal(product, half, cut, questions // 2)
    return figures


async def _filled(product: Product, name: str, files: list[File]) -> CollectionId:
    """The collection with all of these files; those that it holds already are passed over."""
    collection = await product.collection(name)
    if len(await product.names(collection)) < len(files):
        await product.add(collection, files)
    return collection


if __name__ == "__main__":
    main()
