"""The security tests in their full size, and what each of them counted.

usage: python -m benchmarks.storm [PYTEST ARGUMENT …]; writes benchmarks/results/storm.json. Takes
about an hour on two cores. Exits with pytest's code: a promise that is broken stops nothing of the
others, and its failure is in the file.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from benchmarks.machine import machine
from benchmarks.promises import promises

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "storm.json"
WORST = ("failure", "error", "skipped")


def tests() -> list[str]:
    """What is run: all tests of security, and whatever else shows a promise."""
    shown = {path for paths in promises().values() for path in paths}
    # Tests of the page are run by Node, and know one size only.
    others = {path for path in shown if not path.startswith(("tests/security/", "tests/page/"))}
    return ["tests/security", *sorted(others)]


def told(report: Path) -> list[dict[str, Any]]:
    """One record per test: its outcome, its seconds, and what it counted."""
    # The file was written by our own run a moment ago.
    cases = Xml.parse(report).iter("testcase")
    return [_case(case) for case in cases]


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
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, check=False)
        figures = told(report)
    outcomes = [one["outcome"] for one in figures]
    result = {
        "machine": machine(),
        "command": " ".join(["python -m benchmarks.storm", *sys.argv[1:]]),
        "seconds": round(time.perf_counter() - began),
        "tests": len(figures),
        "outcomes": {name: outcomes.count(name) for name in ("passed", *WORST)},
        "faults": [one for one in figures if one["outcome"] != "passed"],
        "files": by_file(figures),
    }
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
