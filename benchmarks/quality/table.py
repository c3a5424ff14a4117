"""The figures as a table for people: set, measure, value, what it must be, what we aim at."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.quality import answers, chunking
from benchmarks.quality.measures import measures_of

Row = tuple[str, str, float, float | None, float | None, str]
HYBRID_MAY_LOSE = 0.02


def table(sets: Mapping[str, Any]) -> str:
    """Markdown, one row a measure; `!` marks what is below what it must be."""
    lines = [
        "| set | measure | figure | must | aim | words · meaning alone |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows(sets):
        name, measure, value, must, aim, sides = row
        mark = " !" if must is not None and value < must else ""
        lines.append(
            f"| {name} | {measure} | {value:.3f}{mark} | {_shown(must)} | {_shown(aim)} | {sides} |"
        )
    return "\n".join(lines)


def rows(sets: Mapping[str, Any]) -> Iterator[Row]:
    """Every figure with what it should reach."""
    for name, figures in sorted(sets.items()):
        for measure in measures_of(name):
            modes = figures.get("values", {}).get(measure.name)
            if modes:
                sides = f"{modes['lexical']:.3f} · {modes['dense']:.3f}"
                yield name, measure.name, modes["hybrid"], measure.must, measure.aim, sides
        for part, reach in (
            ("answers", answers.REACH if name == "squad" else {}),
            ("refusal", answers.REACH),
            ("chunking", chunking.REACH),
            ("gathered", {}),
            ("follow-ups", {}),
        ):
            for measure_name, value in figures.get(part, {}).items():
                if measure_name != "questions":
                    must, aim = reach.get(measure_name, (None, None))
                    yield name, measure_name, value, must, aim, ""


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
