"""The security tests in their full size, and what each of them counted.

usage: python -m benchmarks.storm [PYTEST ARGUMENT …]; writes benchmarks/results/storm.json. Takes
some hours on two cores; given files, it runs these and leaves what is written of the others. Exits
with pytest's code: a promise that is broken stops nothing of the others, and its failure is in the
file.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from benchmarks.machine import machine
from benchmarks.promises import promises

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "storm.json"
WORST = ("failure", "error", "skipped")
# What shows that nothing is lost.
SURVIVING = "tests/journeys/test_kills.py"


def tests() -> list[str]:
    """What is run: all tests of security, and whatever else shows a promise."""
    shown = {path for paths in promises().values() for path in paths}
    # Tests of the page are run by Node, and know one size only.
    others = {path for path in shown if not path.startswith(("tests/security/", "tests/page/"))}
    return ["tests/security", *sorted({SURVIVING, *others})]


def left(measured: Mapping[str, Any]) -> list[str]:
    """The files of a whole storm that nothing is written of."""
    run = {one["file"] for one in measured["files"]}
    found = [
        path.relative_to(ROOT).as_posix()
        for place in map(ROOT.joinpath, tests())
        for path in (sorted(place.rglob("test_*.py")) if place.is_dir() else [place])
    ]
    return [one for one in found if one not in run]


def told(report: Path) -> list[dict[str, Any]]:
    """One record per test: its outcome, its seconds, and what it counted."""
    # The file was written by our own run a moment ago.
    cases = Xml.parse(report).iter("testcase")
    # A test that somebody has interrupted has no name there, and has shown nothing.
    return [_case(case) for case in cases if "classname" in case.attrib]


def by_file(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tests, faults and seconds of each file, and what its tests counted."""
    files: dict[str, dict[str, Any]] = {}
    for case in cases:
        new = {"file": case["file"], "tests": 0, "faults": 0, "seconds": 0.0, "counted": {}}
        one = files.setdefault(case["file"], new)
        one["tests"] += 1
        one["faults"] += case["outcome"] != "passed"
        one["seconds"] = round(one["seconds"] + case["seconds"], 1)
        if case["counted"]:
            one["counted"][case["test"]] = case["counted"]
    return [files[name] for name in sorted(files)]


def together(before: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was written before, with all that is told of these cases' files put in its place."""
    new = {one["file"]: one for one in by_file(cases)}
    files = {one["file"]: one for one in before.get("files", [])} | new
    faults = [one for one in before.get("faults", []) if one["file"] not in new]
    faults += [one for one in cases if one["outcome"] != "passed"]
    return {"files": [files[name] for name in sorted(files)], "faults": faults}


def _case(case: "Xml.Element[str]") -> dict[str, Any]:
    outcome = next((name for name in WORST if case.find(name) is not None), "passed")
    parts = case.attrib["classname"].split(".")
    module = next(place for place, part in enumerate(parts) if part.startswith("test_"))
    return {
        "file": "/".join(parts[: module + 1]) + ".py",
        "test": case.attrib["name"].replace("_", " ").removeprefix("test "),
        "outcome": outcome,
        "seconds": round(float(case.attrib["time"]), 1),
        "counted": {p.attrib["name"]: _number(p.attrib["value"]) for p in case.iter("property")},
    }


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() else value


def main() -> None:
    """Run, write, and tell pytest's verdict."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "storm.xml"
        command = [
            sys.executable, "-m", "pytest", "--storm", "--timeout=21600", "-q",
            # The newer kind of report has no place for what a test counts.
            f"--junitxml={report}", "--override-ini=junit_family=xunit1",
            *(sys.argv[1:] or tests()),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, check=False)
        figures = told(report)
    before = json.loads(RESULT.read_text("utf-8")) if sys.argv[1:] and RESULT.exists() else {}
    result = {"machine": machine(), **together(before, figures)}
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
