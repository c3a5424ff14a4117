"""What the checks of written sentences stop, and what they stop wrongly.

usage: python -m benchmarks.grounding --data ../shared/data [--sentences 600]; writes
results/grounding.json. The bounds were chosen on `squad 1–12`; the others are held out.
"""

import argparse
import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.grounding.falsifying import Case, Falsifier
from benchmarks.grounding.restating import passages_of, restated
from benchmarks.grounding.table import table
from benchmarks.machine import machine
from benchmarks.quality.answers import halves
from citewell.evaluation.sets import GoldenSet, load
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.grounding.evidence import Source
from citewell.retrieval.grounding.judging import Reading, judge, read
from citewell.retrieval.grounding.meaning import cosines
from citewell.retrieval.grounding.statements import Kind, Statement

RESULTS = Path(__file__).parents[1] / "results" / "grounding.json"
SETS = ("squad", "xquad_en", "xquad_de", "xquad_ar", "xquad_hi", "xquad_zh")
TRUE = ("word for word", "restated")
BATCH = 64
# Of true sentences whose facts are in order, so many may fail by meaning.
FALSE_ALARMS = 0.02


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=600, help="true ones of each set")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    figures = asyncio.run(_measure(given.data / "quality", given.sentences))
    kept = {"machine": machine(), "sentences": given.sentences, "sets": figures}
    given.results.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(table(figures))


async def _measure(data: Path, count: int) -> dict[str, Any]:
    embedder = BuiltinEmbedder()
    figures = {}
    for name in SETS:
        golden = load(data / name)
        for part in _parts(golden):
            figures[part.name] = await _set(embedder, golden, part, count)
            print(part.name, json.dumps(figures[part.name], ensure_ascii=False), flush=True)
    await embedder.close()
    return figures


def _parts(golden: GoldenSet) -> list[GoldenSet]:
    if golden.name != "squad":
        return [golden]
    cut = halves(golden)
    first = GoldenSet("squad 1–12", cut.indexed.records, cut.indexed.questions)
    return [first, GoldenSet("squad 13–24", golden.records, cut.outside)]


async def _set(
    embedder: BuiltinEmbedder, golden: GoldenSet, part: GoldenSet, count: int
) -> dict[str, Any]:
    language = golden.name.partition("_")[2] or "en"
    answers: dict[str, list[str]] = defaultdict(list)
    for question in golden.questions:
        answers[next(iter(question.relevant))].append(question.answers[0].strip())
    falsifier = Falsifier(language, passages_of(golden), answers)
    true = [one for q in part.questions if (one := restated(q, language)) is not None]
    chosen = random.Random(7).sample(true, min(count, len(true)))
    cases = [case for one in chosen for case in falsifier.cases(one)]
    found = await _judged(embedder, cases)
    return {
        "stopped": _shares(cases, [reason for reason, _ in found]),
        "bound": _bound(cases, found),
        "reasons": _reasons(cases, [reason for reason, _ in found]),
    }


async def _judged(
    embedder: BuiltinEmbedder, cases: Sequence[Case]
) -> list[tuple[str, float | None]]:
    """Why each case is stopped, "" when it is not, and its score where meaning decided."""
    found: list[tuple[str, float | None]] = []
    for at in range(0, len(cases), BATCH):
        readings = [_read(case) for case in cases[at : at + BATCH]]
        near = await cosines(embedder, readings)
        for place, reading in enumerate(readings):
            reason = judge(reading, near.get(place))
            covered = reading.evidence.covered
            score = None if not reading.asks_for_meaning else covered + near.get(place, 0.0)
            found.append((reason.value if reason else "", score))
    return found


def _read(case: Case) -> Reading:
    statement = Statement(0, len(case.text), case.text, Kind.CLAIM)
    return read(statement, [Source(1, case.passage)])


def _shares(cases: Sequence[Case], reasons: Sequence[str]) -> dict[str, tuple[float, int]]:
    """The share that is stopped, and how many there were, true sentences first."""
    kinds = list(dict.fromkeys([*TRUE, *(case.kind for case in cases)]))
    stopped = Counter(c.kind for c, reason in zip(cases, reasons, strict=True) if reason)
    total = Counter(case.kind for case in cases)
    return {kind: (round(stopped[kind] / total[kind], 4), total[kind]) for kind in kinds}


def _reasons(cases: Sequence[Case], reasons: Sequence[str]) -> dict[str, int]:
    """Why true sentences were stopped."""
    return dict(Counter(r for c, r in zip(cases, reasons, strict=True) if r and c.kind in TRUE))


def _bound(cases: Sequence[Case], found: Sequence[tuple[str, float | None]]) -> float | None:
    """The score that all but `FALSE_ALARMS` of the true sentences reach."""
    pairs = zip(cases, found, strict=True)
    scores = sorted(score for c, (_, score) in pairs if c.kind in TRUE and score is not None)
    return round(scores[int(FALSE_ALARMS * len(scores))], 3) if scores else None


if __name__ == "__main__":
    main()
