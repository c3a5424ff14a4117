"""Promises P1, P2, P3 and P6, measured beside their peers; writes benchmarks/results/speed.json.

usage: python -m benchmarks.speed --data ../shared/data --peers .cache/peers/bin/python
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.speed import embedding, ingestion, search, start

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "speed.json"
CACHE = ROOT / ".cache" / "benchmarks"


def main() -> None:
    """Measure what is asked for and keep it beside what was measured before."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--only", choices=["P1", "P2", "P3", "P6"], action="append")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    asked = parser.parse_args()
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "P1": lambda: embedding.measure(asked.data, asked.peers),
        "P2": lambda: ingestion.measure(asked.data),
        "P3": lambda: search.measure(
            asked.data, CACHE, asked.peers, chunks=asked.chunks, asked=asked.questions
        ),
        "P6": start.measure,
    }
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for name in asked.only or list(runs):
        kept[name] = {"machine": machine(), "figures": runs[name]()}
        print(name, json.dumps(kept[name]["figures"], indent=1), flush=True)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
