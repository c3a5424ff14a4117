"""Writes benchmarks/README.md from the last results, so that what it says is what was measured.

usage: python -m benchmarks.report
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.grounding.table import table as checks
from benchmarks.promises import promised_by, promises
from benchmarks.quality.table import table
from benchmarks.storm import left

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"

INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks.report` from `results/*.json`; every figure was measured, with the
command above its table. Timings are ratios taken side by side on one machine; absolute figures are
information only.
"""

QUALITY = """\
## Quality

`make bench-quality` adds every record of a set as a file, waits until it is searchable, and asks
through `search` and `ask` (`DATA=folder` for other sets of the same layout). The set `code` is
added as the files that its records are pieces of. `!` marks what is below what it must be; the
last column is the same search by words alone and by meaning alone. Refused questions count as not
answered.
"""

GROUNDING = """\
## Checks of written sentences

`make bench-grounding`: questions of people restated as sentences that cite the passage with the
answer, and what can be made of them. The share of each kind, in percent, that the checks do not let
through: of the first two kinds all are true, of the others none. The bounds were chosen on the
first column. What the checks know of a sentence is its words and figures, so exchanging what stands
beside each other in one passage mostly passes.
"""

SPEED = """\
## Speed

`make bench-speed`; peers run in an environment of their own, with the same model and vectors.
"""

# Measured by themselves, shown with the speed.
ADDED = {
    "asking": "What an answer without a model takes, and what of it is neither searching nor"
    " reading: graph, log and checks. `python -m benchmarks.speed.asking`.\n",
    "doors": "What is added to a request before it is worked on, and to a search on its way over"
    " HTTP. `python -m benchmarks.speed.doors`.\n",
}

STORM = """\
## Security in full size

`make storm` runs every test that `SECURITY.md` names with `--storm`. A fault is a test that failed,
could not run, or was skipped; what was counted is told by the test itself.
"""


def write() -> None:
    """The page, from what results there are."""
    parts = [INTRODUCTION]
    names = ("quality", "grounding", "speed", "storm")
    quality, grounding, speed, storm = (_read(f"{name}.json") for name in names)
    if quality:
        parts += [QUALITY, _machine(quality["machine"]), table(quality["sets"]) + "\n"]
    if grounding:
        checked = checks(grounding["sets"])
        parts += [GROUNDING, _machine(grounding["machine"]), checked + "\n"]
    if speed:
        parts += [SPEED, *(_speed(name, one) for name, one in sorted(speed.items()))]
    parts += [_speed(name, one) for name in ADDED if (one := _read(f"{name}.json"))]
    if storm:
        parts += [STORM, _machine(storm["machine"]), storm_section(storm)]
    (FOLDER / "README.md").write_text("\n".join(parts), "utf-8")


def _read(name: str) -> dict[str, Any]:
    path = RESULTS / name
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def _machine(machine: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['at'][:10]}, {machine['cores']} cores, Python {machine['python']},"
        f" {machine['system']}; {packages}.\n"
    )


def _speed(name: str, measured: Mapping[str, Any]) -> str:
    figures = measured["figures"]
    lines = [f"### {name}\n", _machine(measured["machine"])]
    if name == "P3":
        return "\n".join([*lines, _searches(figures)])
    lines += [ADDED[name]] if name in ADDED else []
    lines += ["| figure | value |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in _flat(figures) if key != "reach"]
    return "\n".join(lines) + "\n"


def _searches(figures: Mapping[str, Any]) -> str:
    ours = figures["citewell"]
    lines = [
        f"{figures['chunks']:,} pieces, embedding of the question and texts of the answer included;"
        " the product is timed before and behind each peer. Documents are judged: ten pieces are of"
        " fewer than ten.\n",
        "| | best | p50 · p95 ms | nDCG@10 | citewell beside it | nDCG@10 | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, peer in figures.items():
        if name in {"citewell", "chunks"}:
            continue
        if "error" in peer:
            lines.append(f"| {name} | {peer['error']} | | | | | |")
            continue
        lines += [_beside(name, depth, peer[depth]) for depth in ("10", "50")]
    for mode in ("hybrid", "dense", "lexical"):
        for depth, one in ours[mode].items():
            times = f"{one['p50']} · {one['p95']}"
            lines.append(f"| citewell, {mode} | {depth} | | | {times} | {one['ndcg@10']:.3f} | |")
    return "\n".join(lines) + "\n"


def _beside(name: str, depth: str, peer: Mapping[str, Any]) -> str:
    ours = peer["citewell"]
    ratios = " · ".join(f"{ours[of] / peer[of]:.2f}" for of in ("p50", "p95"))
    cells = [f"{one['p50']} · {one['p95']} | {one['ndcg@10']:.3f}" for one in (peer, ours)]
    return f"| {name} | {depth} | {' | '.join(cells)} | {ratios} |"


def storm_section(measured: Mapping[str, Any]) -> str:
    """The table of a storm: a line for each file of tests, and each fault below it."""
    known, files = promises(), measured["files"]
    tests, faults, seconds = (
        sum(f[name] for f in files) for name in ("tests", "faults", "seconds")
    )
    lines = [
        f"{tests:,} tests, {faults} faults, {seconds / 60:,.0f} minutes.\n",
        "| promise | tests | counted | run | faults | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for one in files:
        counted = ", ".join(
            f"{value:,} {name}" if isinstance(value, int) else f"{value} {name}"
            for name, value in _added_up(one["counted"].values()).items()
        )
        shown = (", ".join(promised_by(one["file"], known)), f"`{one['file']}`", counted)
        lines.append(
            f"| {' | '.join(shown)} | {one['tests']} | {one['faults']} | {one['seconds']:.1f} |"
        )
    told = [f"- {one['outcome']}: `{one['file']}`, {one['test']}" for one in measured["faults"]]
    missing = ", ".join(f"`{one}`" for one in left(measured))
    told += [f"- not run in this size: {missing}"] if missing else []
    return "\n".join([*lines, *([""] if told else []), *told]) + "\n"


def _added_up(counted: Iterable[Mapping[str, int | str]]) -> dict[str, int | str]:
    """What several tests of a file have counted alike, together."""
    total: dict[str, int | str] = {}
    for name, value in (item for figures in counted for item in figures.items()):
        before = total.get(name, 0)
        counts = isinstance(before, int) and isinstance(value, int)
        total[name] = int(before) + int(value) if counts else value
    return total


def _flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in figures.items():
        if isinstance(value, dict) and key != "reach":
            flat += _flat(value, f"{prefix}{key}: ")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat


if __name__ == "__main__":
    write()
